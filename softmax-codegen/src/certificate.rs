//! Certificates as TOML, and the fingerprints by which they are about certain code: the one reader and the one writer of
//! [`softmax_spec::certificate`].

use crate::document::{self, Fields, hash_text, line, one_line, quoted};
use softmax_spec::certificate::{Certificate, Form, Row, Subject, Worst};
use softmax_spec::{Exp, Isa, fingerprint};
use std::collections::BTreeSet;

/// What a file begins with.
const HEAD: &str = "\
# The largest error of every exp core over every float of its domain (docs/SEMANTICS.md).
# Written by `cargo xtask verify --write`; a test fails where the code has become another.
";

/// Of the code of a core, whatever the spaces in it.
pub fn code(subject: Subject) -> u64 {
    let code = crate::emit_core(subject).to_string();
    fingerprint(code.bytes().filter(|byte| !byte.is_ascii_whitespace()))
}

/// Reads a certificate.
///
/// # Errors
/// One line that says where and what.
pub fn read(text: &str) -> Result<Certificate, String> {
    read_document(text).map_err(one_line)
}

fn read_document(text: &str) -> Result<Certificate, String> {
    let document = document::parse(text)?;
    let mut fields = Fields::new("the certificate", document.get_ref());
    let uncertified = fields.list("uncertified")?;
    let mut rows: Vec<Row> = Vec::new();
    for fields in fields.tables("core")? {
        let place = fields.place.clone();
        let row = read_row(fields)?;
        if rows.last().is_some_and(|last| last.subject >= row.subject) {
            return Err(format!("{place}: {} is not where it belongs, or is there twice", row.subject));
        }
        rows.push(row);
    }
    fields.finish()?;
    Ok(Certificate { uncertified, rows })
}

fn read_row(mut fields: Fields) -> Result<Row, String> {
    let subject =
        Subject { exp: fields.parsed("exp")?, form: fields.parsed("form")?, isa: fields.parsed("isa")? };
    let place = fields.place.clone();
    if fields.float_pair("domain")? != domain(subject) {
        return Err(format!("{place}: the domain of {subject} is another one"));
    }
    let worst = Worst {
        inputs: fields.number("inputs")?,
        ulp: fields.float("ulp")?,
        at: fields.float("at")? as f32,
        distance: fields.number("distance")?,
        distance_at: fields.float("distance_at")? as f32,
        units: fields.float("units")?,
        units_at: fields.float("units_at")? as f32,
    };
    let row = Row { subject, worst, code: fields.hash("code")? };
    fields.finish()?;
    Ok(row)
}

fn domain(subject: Subject) -> (f64, f64) {
    let (low, high) = subject.form.domain();
    (low.into(), high.into())
}

/// Writes a certificate so that [`read`] gives it back.
pub fn write(certificate: &Certificate) -> String {
    let uncertified: Vec<String> = certificate.uncertified.iter().map(|isa| quoted(isa.id())).collect();
    let mut head = HEAD.to_owned();
    if !uncertified.is_empty() {
        line(&mut head, "uncertified", format!("[{}]", uncertified.join(", ")));
    }
    std::iter::once(head).chain(certificate.rows.iter().map(write_row)).collect()
}

fn write_row(Row { subject, worst, code }: &Row) -> String {
    let Subject { exp, form, isa } = subject;
    let (low, high) = domain(*subject);
    let mut out = String::from("\n[[core]]\n");
    line(&mut out, "exp", quoted(&exp.to_string()));
    line(&mut out, "form", quoted(form.id()));
    line(&mut out, "isa", quoted(isa.id()));
    line(&mut out, "domain", format!("[{low:?}, {high:?}]"));
    line(&mut out, "inputs", worst.inputs);
    line(&mut out, "ulp", error_digits(worst.ulp));
    line(&mut out, "at", every_digit(worst.at));
    line(&mut out, "distance", worst.distance);
    line(&mut out, "distance_at", every_digit(worst.distance_at));
    line(&mut out, "units", error_digits(worst.units));
    line(&mut out, "units_at", every_digit(worst.units_at));
    line(&mut out, "code", hash_text(*code));
    out
}

fn error_digits(error: f64) -> String {
    format!("{error:.0$}", Worst::DIGITS)
}

/// As f64, so that it is the same f32 when it is read.
fn every_digit(x: f32) -> String {
    format!("{:?}", f64::from(x))
}

/// The certificate as a table for `docs/SEMANTICS.md`: a line per core and form, a column per ISA.
pub fn markdown(certificate: &Certificate) -> String {
    let isas: Vec<Isa> = Isa::ALL
        .into_iter()
        .filter(|isa| certificate.rows.iter().any(|row| row.subject.isa == *isa))
        .collect();
    let cells = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let names = isas.iter().map(|isa| isa.id().to_owned());
    let head = ["core", "form"].map(str::to_owned).into_iter().chain(names);
    let mut out = cells(head.collect());
    out += &format!("|{}\n", "---|".repeat(isas.len() + 2));
    let lines: BTreeSet<(Exp, Form)> =
        certificate.rows.iter().map(|row| (row.subject.exp, row.subject.form)).collect();
    for (exp, form) in lines {
        let error =
            |&isa: &Isa| certificate.row(Subject { exp, form, isa }).map_or("-".to_owned(), error_text);
        out += &cells(
            [format!("`{exp}`"), form.id().to_owned()].into_iter().chain(isas.iter().map(error)).collect(),
        );
    }
    match certificate.uncertified[..] {
        [] => out,
        ref others => {
            let others: Vec<&str> = others.iter().map(|isa| isa.id()).collect();
            out + &format!(
                "\nNot certified yet, for want of a machine that measured: {}.\n",
                others.join(", ")
            )
        }
    }
}

fn error_text(row: &Row) -> String {
    let Worst { ulp, distance, units, .. } = row.worst;
    format!("{} ({distance}, {})", error_digits(ulp), error_digits(units))
}

#[cfg(test)]
mod tests {
    use super::*;
    use softmax_spec::PassVariant;

    fn certificate() -> Certificate {
        let variants: [PassVariant; 3] =
            ["f32_store_exp__avx2_a6_u8", "f32_ext_scale__sse2_p5_u4", "f32_ext_scale__scalar_p5_u1"]
                .map(|id| id.parse().unwrap());
        let worst = Worst {
            inputs: 7,
            ulp: 1.25,
            at: -1e-40,
            distance: 2,
            distance_at: 16383.999,
            units: 1.5,
            units_at: 2.0,
        };
        let row = |subject| Row { subject, worst, code: code(subject) };
        let rows = Subject::of_grid(&variants).into_iter().map(row).collect();
        Certificate { uncertified: vec![Isa::Avx512], rows }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let certificate = certificate();
        assert_eq!(certificate.rows.len(), 4);
        assert_eq!(read(&write(&certificate)), Ok(certificate));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let text = write(&certificate());
        for (from, to, reason) in [
            ("\"relative\"", "\"relatively\"", "did you mean `relative`?"),
            ("inputs = 7", "inputs = -7", "a whole number"),
            ("ulp = 1.250", "", "`ulp` is missing"),
            ("-87.3365", "-87.4", "the domain of"),
            ("distance = 2", "distance = 2\nmore = 1", "unknown key `more`"),
            ("isa = \"sse2\"", "isa = \"scalar\"", "or is there twice"),
        ] {
            assert!(text.contains(from), "{from}: {text}");
            let error = read(&text.replacen(from, to, 1)).unwrap_err();
            assert!(error.contains(reason) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn the_table_has_a_line_per_core_and_form() {
        let expected = "\
| core | form | scalar | sse2 | avx2 |
|---|---|---|---|---|
| `p5` | extended | 1.250 (2, 1.500) | 1.250 (2, 1.500) | - |
| `a6` | relative | - | - | 1.250 (2, 1.500) |
| `a6` | shifted | - | - | 1.250 (2, 1.500) |

Not certified yet, for want of a machine that measured: avx512.
";
        assert_eq!(markdown(&certificate()), expected);
    }

    #[test]
    fn cores_have_codes_of_their_own() {
        let codes: std::collections::BTreeSet<u64> = certificate().rows.iter().map(|row| row.code).collect();
        // `relative` and `shifted` are one code.
        assert_eq!(codes.len(), 3);
    }
}
