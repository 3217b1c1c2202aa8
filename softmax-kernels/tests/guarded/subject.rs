//! A call that must do the same wherever its rows are.

use super::fault::Call;
use super::{Place, Room};
use softmax_bench::random::Random;
use std::sync::OnceLock;

/// The rows of a call.
pub enum Memory<'a> {
    /// Only read.
    Read(&'a [f32]),
    /// Out of place.
    Apart(&'a [f32], &'a mut [f32]),
    /// In place.
    Same(&'a mut [f32]),
}

/// A row's roles in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// [`Memory::Read`].
    Read,
    /// [`Memory::Apart`].
    Apart,
    /// [`Memory::Same`].
    Same,
}

/// What a call returns, as bits.
pub type Returned = [u64; 2];

/// A call.
pub struct Subject<'a> {
    /// Its name.
    pub what: &'static str,
    /// Elements of the vectors within which rows are aligned in every way.
    pub lanes: usize,
    /// The forms in which it can be made.
    pub forms: &'a [Form],
    /// Makes it. What it leaves in y must be defined.
    pub run: &'a dyn Fn(Memory) -> Returned,
}

/// Two rooms, for rows of the longest length.
pub struct Rooms {
    x: Room,
    y: Room,
}

impl Rooms {
    pub fn new(longest: usize) -> Rooms {
        Rooms { x: Room::new(longest), y: Room::new(longest) }
    }

    /// Makes the call on a row of `len` elements in every place and compares what comes of it with the same call in the
    /// midst of memory. The number of calls, or one line about the first that went wrong.
    pub fn check(&mut self, subject: &Subject, len: usize) -> Result<usize, String> {
        let mut calls = 0;
        for &form in subject.forms {
            let expected = Outcome::elsewhere(subject, form, len);
            for place in Place::all(subject.lanes) {
                let touching = place.touching();
                let places = match form {
                    Form::Apart => {
                        vec![(place, Some(place)), (place, Some(touching)), (touching, Some(place))]
                    }
                    Form::Read | Form::Same => vec![(place, None)],
                };
                for (x, y) in places {
                    let call = Call { what: subject.what, len, x, y };
                    self.call(subject, form, call, &expected).map_err(|what| format!("{call}: {what}"))?;
                    calls += 1;
                }
            }
        }
        Ok(calls)
    }

    fn call(
        &mut self,
        subject: &Subject,
        form: Form,
        call: Call,
        expected: &Outcome,
    ) -> Result<(), &'static str> {
        let Call { len, x: place, .. } = call;
        let x = self.x.row(place, len);
        x.copy_from_slice(&ordinary()[..len]);
        call.announce();
        let (returned, written) = match (form, call.y) {
            (Form::Apart, Some(place)) => {
                let y = self.y.row(place, len);
                ((subject.run)(Memory::Apart(x, y)), &*y)
            }
            (Form::Read, _) => ((subject.run)(Memory::Read(x)), &*x),
            _ => ((subject.run)(Memory::Same(x)), &*x),
        };
        if returned != expected.returned {
            return Err("it returns something else than elsewhere");
        }
        if !same_bits(written, &expected.written) {
            return Err("its output is not what it is elsewhere");
        }
        let cleared = self.x.clear(place, len) && call.y.is_none_or(|place| self.y.clear(place, len));
        cleared.then_some(()).ok_or("it wrote beside its row")
    }
}

/// What comes of a call.
struct Outcome {
    returned: Returned,
    written: Vec<f32>,
}

impl Outcome {
    /// On rows in the midst of memory.
    fn elsewhere(subject: &Subject, form: Form, len: usize) -> Outcome {
        let x = &ordinary()[..len];
        let mut written = x.to_vec();
        let returned = match form {
            Form::Read => (subject.run)(Memory::Read(x)),
            Form::Apart => (subject.run)(Memory::Apart(x, &mut written)),
            Form::Same => (subject.run)(Memory::Same(&mut written)),
        };
        Outcome { returned, written }
    }
}

fn same_bits(a: &[f32], b: &[f32]) -> bool {
    a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

/// As long as the longest row that is asked for.
fn ordinary() -> &'static [f32] {
    const LONGEST: usize = 1 << 20;
    static ORDINARY: OnceLock<Vec<f32>> = OnceLock::new();
    ORDINARY.get_or_init(|| {
        let mut random = Random::new(1);
        (0..LONGEST).map(|_| random.uniform(-10.0, 10.0)).collect()
    })
}
