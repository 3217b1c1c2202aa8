//! Rows beside pages that may not be touched: what reads or writes one element too far, dies.
//!
//! Pages are protected by the memory management of Unix (`mmap`, `mprotect`). Other systems have other means, and the tests
//! that use this module are absent there; the kernels are the same.

pub mod fault;
pub mod subject;

use std::ptr;

/// Which of a row's ends is beside the page that may not be touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The first element's.
    Start,
    /// The last element's.
    End,
}

/// Where a row is.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub side: Side,
    /// Elements between it and that page.
    pub distance: usize,
}

impl Place {
    /// At both ends, every distance below `lanes`: every alignment within a vector.
    pub fn all(lanes: usize) -> impl Iterator<Item = Place> {
        let sides = [Side::Start, Side::End].into_iter();
        sides.flat_map(move |side| (0..lanes).map(move |distance| Place { side, distance }))
    }

    /// On the same side, at the page.
    pub fn touching(self) -> Place {
        Place { distance: 0, ..self }
    }
}

/// Elements around a row that are looked at after a call.
const MARGIN: usize = 32;

/// What is there.
const SENTINEL: f32 = -12345.678;

/// Memory between two pages that may not be touched.
pub struct Room {
    mapping: *mut libc::c_void,
    bytes: usize,
    elements: *mut f32,
    len: usize,
}

impl Room {
    /// Room for rows of `longest` elements at any [`Place`].
    pub fn new(longest: usize) -> Room {
        // SAFETY: asks for a number.
        let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).expect("a page has a size");
        let inner = ((longest + 2 * MARGIN) * size_of::<f32>()).next_multiple_of(page);
        let bytes = inner + 2 * page;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
        // SAFETY: a new mapping, at an address that the system chooses.
        let mapping = unsafe { libc::mmap(ptr::null_mut(), bytes, libc::PROT_NONE, flags, -1, 0) };
        assert!(
            mapping != libc::MAP_FAILED,
            "no {bytes} bytes of memory: {}",
            std::io::Error::last_os_error()
        );
        let elements = mapping.wrapping_byte_add(page);
        // SAFETY: these pages are inside the mapping, which nobody else knows.
        let opened = unsafe { libc::mprotect(elements, inner, libc::PROT_READ | libc::PROT_WRITE) };
        assert!(opened == 0, "no access: {}", std::io::Error::last_os_error());
        let mut room = Room { mapping, bytes, elements: elements.cast(), len: inner / size_of::<f32>() };
        room.all().fill(SENTINEL);
        room
    }

    fn all(&mut self) -> &mut [f32] {
        // SAFETY: `len` elements that are open to reads and writes as long as this lives, and borrowed from it alone.
        unsafe { std::slice::from_raw_parts_mut(self.elements, self.len) }
    }

    /// The row of `len` elements at `place`, as it is.
    pub fn row(&mut self, place: Place, len: usize) -> &mut [f32] {
        let start = self.start(place, len);
        &mut self.all()[start..start + len]
    }

    fn start(&self, place: Place, len: usize) -> usize {
        match place.side {
            Side::Start => place.distance,
            Side::End => self.len - place.distance - len,
        }
    }

    /// Makes it like the rest of the room again; false if elements beside it were not.
    pub fn clear(&mut self, place: Place, len: usize) -> bool {
        let start = self.start(place, len);
        let all = self.all();
        all[start..start + len].fill(SENTINEL);
        let around = &all[start.saturating_sub(MARGIN)..(start + len + MARGIN).min(all.len())];
        around.iter().all(|&element| element == SENTINEL)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // SAFETY: the mapping that `new` made; rows in it borrowed from this.
        unsafe { libc::munmap(self.mapping, self.bytes) };
    }
}
