//! What the files that are read here have in common: TOML of which every key must be known, and errors of one line that say where.

use softmax_spec::UnknownId;
use std::fmt::Write;
use std::str::FromStr;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The document in a text; an error is one line with its number.
pub fn parse(text: &str) -> Result<Spanned<DeTable<'_>>, String> {
    DeTable::parse(text).map_err(|error| first_line(&error, text))
}

fn first_line(error: &toml::de::Error, text: &str) -> String {
    let breaks = |end: usize| text.bytes().take(end).filter(|&byte| byte == b'\n').count();
    let line = error.span().map(|span| breaks(span.start) + 1);
    match line {
        Some(line) => format!("line {line}: {}", error.message()),
        None => error.message().to_owned(),
    }
}

/// An error without what would end its line, or move a terminal's cursor: it may quote what a file says.
pub fn one_line(error: String) -> String {
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    error.chars().map(shown).collect()
}

/// A TOML table of which every key must be asked for.
pub struct Fields<'a> {
    /// Where it is, for errors.
    pub place: String,
    table: &'a DeTable<'a>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// The table, which is called so in errors.
    pub fn new(place: impl Into<String>, table: &'a DeTable<'a>) -> Self {
        Fields { place: place.into(), table, known: Vec::new() }
    }

    fn wrong(&self, key: &str, expected: &str) -> String {
        format!("{}: `{key}` must be {expected}", self.place)
    }

    /// The value of a key.
    pub fn optional(&mut self, key: &'static str) -> Option<&'a DeValue<'a>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.table.get(key).map(|value| value.get_ref())
    }

    fn required(&mut self, key: &'static str) -> Result<&'a DeValue<'a>, String> {
        self.optional(key).ok_or_else(|| format!("{}: `{key}` is missing", self.place))
    }

    /// A string.
    pub fn text(&mut self, key: &'static str) -> Result<&'a str, String> {
        self.required(key)?.as_str().ok_or_else(|| self.wrong(key, "a string"))
    }

    /// A string that is shown on a line among others.
    pub fn label(&mut self, key: &'static str) -> Result<&'a str, String> {
        let text = self.text(key)?;
        let is_plain = !text.contains(char::is_control);
        is_plain.then_some(text).ok_or_else(|| self.wrong(key, "a string without control characters"))
    }

    /// A string that names something.
    pub fn parsed<T: FromStr<Err: std::fmt::Display>>(&mut self, key: &'static str) -> Result<T, String> {
        self.text(key)?.parse().map_err(|error| format!("{}: {error}", self.place))
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, key: &'static str) -> Result<bool, String> {
        self.required(key)?.as_bool().ok_or_else(|| self.wrong(key, "true or false"))
    }

    /// Whether there is such a key, known or not.
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// A string that holds 64 bits as a hexadecimal number.
    pub fn hash(&mut self, key: &'static str) -> Result<u64, String> {
        let text = self.text(key)?;
        u64::from_str_radix(text, 16).map_err(|_| self.wrong(key, "a hexadecimal number"))
    }

    /// A whole number that is not negative.
    pub fn number<T: TryFrom<u64>>(&mut self, key: &'static str) -> Result<T, String> {
        self.optional_number(key)?.ok_or_else(|| format!("{}: `{key}` is missing", self.place))
    }

    /// The same, or nothing.
    pub fn optional_number<T: TryFrom<u64>>(&mut self, key: &'static str) -> Result<Option<T>, String> {
        let Some(value) = self.optional(key) else {
            return Ok(None);
        };
        let digits = value.as_integer().filter(|integer| integer.radix() == 10);
        let number =
            digits.and_then(|digits| digits.as_str().parse::<u64>().ok()).and_then(|n| n.try_into().ok());
        number.map(Some).ok_or_else(|| self.wrong(key, "a whole number in range"))
    }

    /// A finite number.
    pub fn float(&mut self, key: &'static str) -> Result<f64, String> {
        let value = self.required(key)?;
        float(value).ok_or_else(|| self.wrong(key, "a finite number"))
    }

    /// A finite number above 0.
    pub fn positive(&mut self, key: &'static str) -> Result<f64, String> {
        let value = self.required(key)?;
        float(value).filter(|number| *number > 0.0).ok_or_else(|| self.wrong(key, "a number above 0"))
    }

    /// A number of elements, 1 or more, or nothing.
    pub fn optional_length(&mut self, key: &'static str) -> Result<Option<usize>, String> {
        match self.optional_number(key)? {
            Some(0) => Err(self.wrong(key, "a row length of 1 or more")),
            length => Ok(length),
        }
    }

    /// A list of two numbers.
    pub fn float_pair(&mut self, key: &'static str) -> Result<(f64, f64), String> {
        let wrong = self.wrong(key, "a list of two numbers");
        let values = self.required(key)?.as_array().ok_or(wrong.clone())?;
        let floats: Option<Vec<f64>> = values.iter().map(|value| float(value.get_ref())).collect();
        match floats.as_deref() {
            Some([low, high]) => Ok((*low, *high)),
            _ => Err(wrong),
        }
    }

    /// A list of strings to be parsed; empty where it is missing.
    pub fn list<T: FromStr<Err: std::fmt::Display>>(&mut self, key: &'static str) -> Result<Vec<T>, String> {
        let wrong = self.wrong(key, "a list of strings");
        let Some(value) = self.optional(key) else {
            return Ok(Vec::new());
        };
        let texts = value.as_array().ok_or(wrong.clone())?.iter().map(|value| value.get_ref().as_str());
        let parse = |text: Option<&str>| {
            text.ok_or(wrong.clone())?.parse().map_err(|error| format!("{}: {error}", self.place))
        };
        texts.map(parse).collect()
    }

    /// A table, or nothing.
    pub fn optional_table(&mut self, key: &'static str) -> Result<Option<Fields<'a>>, String> {
        let wrong = self.wrong(key, "a table");
        match self.optional(key) {
            Some(value) => Ok(Some(Fields::new(format!("[{key}]"), value.as_table().ok_or(wrong)?))),
            None => Ok(None),
        }
    }

    /// A list of tables, each with its place.
    pub fn tables(&mut self, key: &'static str) -> Result<Vec<Fields<'a>>, String> {
        let wrong = self.wrong(key, "a list of tables");
        let values = self.required(key)?.as_array().ok_or(wrong.clone())?;
        let place = |i: usize| format!("[[{key}]] {} of {}", i + 1, self.place);
        let tables = values.iter().enumerate().map(|(i, value)| {
            let table = value.get_ref().as_table().ok_or(wrong.clone())?;
            Ok(Fields::new(place(i), table))
        });
        tables.collect()
    }

    /// Refuses keys that were never asked for.
    pub fn finish(self) -> Result<(), String> {
        let unknown =
            self.table.keys().map(|key| key.get_ref().as_ref()).find(|key| !self.known.contains(key));
        match unknown {
            None => Ok(()),
            Some(key) => Err(format!("{}: {}", self.place, UnknownId::new("key", key, self.known))),
        }
    }
}

fn float(value: &DeValue) -> Option<f64> {
    let text =
        value.as_float().map(|float| float.as_str()).or(value.as_integer().map(|integer| integer.as_str()));
    text?.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Writes a key with its value, which is TOML already.
pub fn line(out: &mut String, key: &str, value: impl std::fmt::Display) {
    writeln!(out, "{key} = {value}").expect("writing to a string cannot fail");
}

/// A TOML basic string.
pub fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                write!(out, "\\u{:04X}", u32::from(c)).expect("writing to a string cannot fail")
            }
            c => out.push(c),
        }
    }
    out + "\""
}

/// 64 bits as [`Fields::hash`] reads them.
pub fn hash_text(hash: u64) -> String {
    quoted(&format!("{hash:016x}"))
}
