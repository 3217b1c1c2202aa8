//! Row lengths and durations as people type them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A row length in elements: `4096`, `4k`, `1m` or `2^20`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Length(pub usize);

/// The longest row that the measuring process accepts: 2 GiB for input and output.
pub const MAX: usize = 1 << 28;

/// The longest row of which half of so many bytes of memory holds input, output, and in place a copy.
pub fn held_by(memory: Option<u64>) -> usize {
    let held = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX) / 2 / (3 * size_of::<f32>());
    memory.map_or(MAX, |bytes| held(bytes).min(MAX))
}

impl FromStr for Length {
    type Err = String;

    fn from_str(text: &str) -> Result<Length, String> {
        let accepted = "expected a number such as 4096, 4k or 1m (times 1024), or 2^20";
        let elements = parse(text).ok_or_else(|| format!("`{text}` is no row length: {accepted}"))?;
        match (1..=MAX).contains(&elements) {
            true => Ok(Length(elements)),
            false => Err(format!("a row length of {text} is not in 1..={MAX} elements (2^28)")),
        }
    }
}

/// Too large a number is `usize::MAX`, so that it is refused for its size and not for its form.
fn parse(text: &str) -> Option<usize> {
    let number = |digits: &str| -> Option<usize> {
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse().unwrap_or(usize::MAX))
    };
    if let Some(power) = text.strip_prefix("2^") {
        return Some(
            u32::try_from(number(power)?).ok().and_then(|power| 1usize.checked_shl(power)).unwrap_or(MAX + 1),
        );
    }
    match text.strip_suffix(['k', 'K']) {
        Some(digits) => Some(number(digits)?.saturating_mul(1 << 10)),
        None => match text.strip_suffix(['m', 'M']) {
            Some(digits) => Some(number(digits)?.saturating_mul(1 << 20)),
            None => number(text),
        },
    }
}

/// Short and exact: `2^20` or `4m` would do for powers of two only, so this prints 1024s where they divide.
impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            n if n >= 1 << 20 && n.is_multiple_of(1 << 20) => format!("{}m", n >> 20),
            n if n >= 1 << 10 && n.is_multiple_of(1 << 10) => format!("{}k", n >> 10),
            n => n.to_string(),
        };
        f.pad(&text)
    }
}

/// A wall-time budget: `90s`, `5m` or `1h`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        _ => 0,
    };
    let number: Option<u64> = text.get(..text.len().saturating_sub(1)).and_then(|digits| digits.parse().ok());
    let seconds = number.filter(|_| unit > 0).and_then(|number| number.checked_mul(unit));
    match seconds {
        None => {
            Err(format!("`{text}` is no duration: expected a whole number and a unit, such as 90s, 5m or 1h"))
        }
        Some(seconds) if seconds < MIN_SECONDS => {
            Err(format!("{text} is too short: at least {MIN_SECONDS}s"))
        }
        Some(seconds) if seconds > MAX_HOURS * 3600 => {
            Err(format!("{text} is too long: at most {MAX_HOURS}h"))
        }
        Some(seconds) => Ok(Duration::from_secs(seconds)),
    }
}

/// Below this not even the correctness gate of one ISA is through.
const MIN_SECONDS: u64 = 5;

/// 48 times what the most thorough effort takes; more is a slip.
const MAX_HOURS: u64 = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_length_is_read() {
        for (text, elements) in
            [("1", 1), ("64", 64), ("4k", 4096), ("2M", 2 << 20), ("2^0", 1), ("2^28", 1 << 28)]
        {
            assert_eq!(text.parse(), Ok(Length(elements)), "{text}");
        }
    }

    #[test]
    fn half_of_the_memory_holds_three_rows() {
        assert_eq!(held_by(Some(24 << 20)), 1 << 20);
        assert_eq!([held_by(Some(u64::MAX)), held_by(None)], [MAX; 2]);
    }

    #[test]
    fn what_is_no_length_is_refused_with_what_is_accepted() {
        for text in ["", "k", "4x", "-1", "+5", "1.5k", "2^", "2^-1", "3^4", "4 k", "0x10"] {
            let error = text.parse::<Length>().unwrap_err();
            assert!(error.contains("4096, 4k or 1m"), "{text}: {error}");
        }
        for text in ["0", "0k", "2^29", "2^64", "2^4294967296", "99999999999999999999999", "300m"] {
            let error = text.parse::<Length>().unwrap_err();
            assert!(error.contains("is not in 1..=268435456"), "{text}: {error}");
        }
    }

    #[test]
    fn lengths_are_shown_as_they_may_be_typed() {
        for elements in [1, 1000, 1024, 1536, 4096, 1 << 20, 3 << 20, (1 << 20) + 1024, 1 << 28] {
            assert_eq!(Length(elements).to_string().parse(), Ok(Length(elements)));
        }
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        for text in ["", "s", "90", "5 m", "-5s", "1.5h", "5µ", "99999999999999999999h"] {
            assert!(duration(text).unwrap_err().contains("such as 90s"), "{text}");
        }
        for text in ["0s", "4s", "0h"] {
            assert_eq!(duration(text), Err(format!("{text} is too short: at least 5s")));
        }
        assert_eq!(duration("24h"), Ok(Duration::from_secs(86_400)));
        for text in ["25h", "86401s", "8760h"] {
            assert_eq!(duration(text), Err(format!("{text} is too long: at most 24h")));
        }
    }
}
