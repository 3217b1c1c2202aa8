//! Profiles as TOML: the one reader and the one writer of [`softmax_spec::profile`].
//!
//! Plans are written by name. A reader refuses what it does not know (another schema version, an unknown key or id,
//! classes out of order), because a profile that is half understood would be a wrong pick.

use crate::document::{self, Fields, hash_text, line, one_line, quoted};
use softmax_spec::profile::{
    Class, Evidence, Host, Origin, Profile, SCHEMA, SampleCounts, Situation, Table, Trust,
};
use softmax_spec::{Plan, Rows};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Many times what any profile has.
const MOST_BYTES: u64 = 16 << 20;

/// The text of a profile's file. Of a device, or another file without an end, no more than a profile could have.
///
/// # Errors
/// Those of reading, text that is not UTF-8, and too much of it.
pub fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let bytes = File::open(path)?.take(MOST_BYTES + 1).read_to_string(&mut text)? as u64;
    let is_all = bytes <= MOST_BYTES;
    is_all
        .then_some(text)
        .ok_or_else(|| io::Error::other(format!("it has more than {} MiB", MOST_BYTES >> 20)))
}

/// Reads a profile.
///
/// # Errors
/// One line that says where and what.
pub fn read(text: &str) -> Result<Profile, String> {
    read_document(text).map_err(one_line)
}

fn read_document(text: &str) -> Result<Profile, String> {
    let document = document::parse(text)?;
    let mut fields = Fields::new("the profile", document.get_ref());
    let schema: u32 = fields.number("schema")?;
    if !(1..=SCHEMA).contains(&schema) {
        return Err(format!(
            "schema {schema} is not supported; this version reads schemas 1 to {SCHEMA}: tune again"
        ));
    }
    let profile = Profile {
        name: fields.label("name")?.to_owned(),
        host: fields.optional_table("host")?.map(read_host).transpose()?,
        origin: fields.optional_table("origin")?.map(read_origin).transpose()?,
        tables: read_tables(fields.tables("table")?)?,
    };
    fields.finish()?;
    Ok(profile)
}

/// One per situation: of two, one would never be used.
fn read_tables(all: Vec<Fields>) -> Result<Vec<Table>, String> {
    let mut tables: Vec<Table> = Vec::new();
    for fields in all {
        let place = fields.place.clone();
        let table = read_table(fields)?;
        if let Some(i) = tables.iter().position(|earlier| earlier.situation == table.situation) {
            return Err(format!(
                "{place}: it is for the same situation as [[table]] {}: {}",
                i + 1,
                table.situation
            ));
        }
        tables.push(table);
    }
    Ok(tables)
}

fn read_host(mut fields: Fields) -> Result<Host, String> {
    let host = Host {
        vendor: fields.text("vendor")?.to_owned(),
        family: fields.number("family")?,
        model: fields.number("model")?,
        stepping: fields.number("stepping")?,
        brand: fields.text("brand")?.to_owned(),
        isa: fields.parsed("isa")?,
        cores: fields.number("cores")?,
        l1d_kib: fields.number("l1d_kib")?,
        l2_kib: fields.number("l2_kib")?,
        l3_kib: fields.number("l3_kib")?,
        vm: fields.boolean("vm")?,
    };
    fields.finish()?;
    Ok(host)
}

fn read_origin(mut fields: Fields) -> Result<Origin, String> {
    let origin = Origin {
        rustc: fields.text("rustc")?.to_owned(),
        grid_hash: fields.hash("grid_hash")?,
        grid_variants: fields.number("grid_variants")?,
        effort: fields.text("effort")?.to_owned(),
        budget_seconds: fields.optional_number("budget_seconds")?,
        seconds: fields.float("seconds")?,
        complete: fields.optional("complete").map(|_| fields.boolean("complete")).transpose()?,
        samples: read_samples(&mut fields)?,
    };
    fields.finish()?;
    Ok(origin)
}

fn read_samples(fields: &mut Fields) -> Result<Option<SampleCounts>, String> {
    let [taken, retaken, contended] = ["samples", "samples_retaken", "samples_contended"];
    if [taken, retaken, contended].into_iter().all(|key| fields.optional(key).is_none()) {
        return Ok(None);
    }
    Ok(Some(SampleCounts {
        taken: fields.number(taken)?,
        retaken: fields.number(retaken)?,
        contended: fields.number(contended)?,
    }))
}

fn read_table(mut fields: Fields) -> Result<Table, String> {
    let situation = Situation {
        isa: fields.parsed("isa")?,
        element: fields.parsed("element")?,
        accuracy: fields.parsed("accuracy")?,
        in_place: fields.boolean("in_place")?,
        // Profiles from before there were batches say nothing of them.
        rows: match fields.optional("rows") {
            Some(_) => fields.parsed("rows")?,
            None => Rows::Single,
        },
        threads: fields.number("threads")?,
    };
    let classes = fields.tables("class")?.into_iter().map(read_class).collect::<Result<_, _>>()?;
    let table = Table { situation, classes };
    let place = fields.place.clone();
    fields.finish()?;
    check_classes(&table).map_err(|problem| format!("{place}: {problem}"))?;
    Ok(table)
}

/// Ascending, every plan what the table says. The last one is unbounded, but that a table for batches may leave long rows to
/// the one for single rows.
fn check_classes(table: &Table) -> Result<(), String> {
    let Some((last, bounded)) = table.classes.split_last() else {
        return Err("it has no classes".to_owned());
    };
    let situation = table.situation;
    let uppers: Vec<usize> = table.classes.iter().filter_map(|class| class.upper).collect();
    let may_end = situation.rows == Rows::Batch;
    let is_bounded = bounded.iter().all(|class| class.upper.is_some());
    if !is_bounded || !uppers.is_sorted_by(|a, b| a < b) || (last.upper.is_some() && !may_end) {
        let lacking = if may_end { "may lack" } else { "lacks" };
        return Err(format!("`upper` must ascend from class to class, and only the last class {lacking} it"));
    }
    for Class { plan, upper, .. } in &table.classes {
        if let Some(longest) = plan.longest_row().filter(|&longest| upper.is_none_or(|upper| upper > longest))
        {
            return Err(format!(
                "`{plan}` takes rows of up to {longest}; give its class an `upper` of at most that"
            ));
        }
        if plan.isa() != situation.isa {
            return Err(format!("`{plan}` is not for {}", situation.isa));
        }
        if situation.in_place && !plan.algorithm().runs_in_place() {
            return Err(format!("`{plan}` does not run in place"));
        }
        if !plan.reaches(situation.accuracy) {
            return Err(format!("`{plan}` does not reach accuracy `{}`", situation.accuracy));
        }
    }
    Ok(())
}

/// Keys of a class that tell what was measured at its `len`.
const EVIDENCE: [&str; 12] = [
    "ns_per_element",
    "interval",
    "memcpy_ns_per_element",
    "roofline",
    "speedup_over_default",
    "runner_up",
    "runner_up_ratio",
    "ties",
    "speedup_interval",
    "runner_up_interval",
    "noise",
    "contended",
];

fn read_class(mut fields: Fields) -> Result<Class, String> {
    let (upper, plan) = (fields.optional_length("upper")?, fields.parsed("plan")?);
    let evidence = match fields.optional_length("len")? {
        Some(len) => Some(read_evidence(&mut fields, len)?),
        None => None,
    };
    if let Some(key) = EVIDENCE.into_iter().find(|key| evidence.is_none() && fields.has(key)) {
        return Err(format!("{}: `{key}` needs `len`, the row length it was measured at", fields.place));
    }
    let class = Class { upper, plan, evidence };
    fields.finish()?;
    Ok(class)
}

fn read_evidence(fields: &mut Fields, len: usize) -> Result<Evidence, String> {
    let runner_up = match fields.optional("runner_up") {
        Some(_) => Some((fields.parsed("runner_up")?, fields.positive("runner_up_ratio")?)),
        None => None,
    };
    Ok(Evidence {
        len,
        ns_per_element: fields.positive("ns_per_element")?,
        interval: fields.float_pair("interval")?,
        memcpy_ns_per_element: fields.positive("memcpy_ns_per_element")?,
        roofline: fields.positive("roofline")?,
        speedup_over_default: fields.positive("speedup_over_default")?,
        runner_up,
        ties: fields.list("ties")?,
        trust: read_trust(fields)?,
    })
}

fn read_trust(fields: &mut Fields) -> Result<Option<Trust>, String> {
    let [speedup, runner_up, noise, contended] =
        ["speedup_interval", "runner_up_interval", "noise", "contended"];
    if [speedup, runner_up, noise, contended].into_iter().all(|key| fields.optional(key).is_none()) {
        return Ok(None);
    }
    Ok(Some(Trust {
        speedup_interval: fields.float_pair(speedup)?,
        runner_up_interval: fields.optional(runner_up).map(|_| fields.float_pair(runner_up)).transpose()?,
        noise: fields.float(noise)?,
        contended: fields.optional(contended).map(|_| fields.float(contended)).transpose()?,
    }))
}

/// Writes a profile so that [`read`] gives it back.
pub fn write(profile: &Profile) -> String {
    let mut out = String::new();
    line(&mut out, "schema", SCHEMA);
    line(&mut out, "name", quoted(&profile.name));
    if let Some(host) = &profile.host {
        out.push_str("\n[host]\n");
        write_host(&mut out, host);
    }
    if let Some(origin) = &profile.origin {
        out.push_str("\n[origin]\n");
        write_origin(&mut out, origin);
    }
    for table in &profile.tables {
        out.push_str("\n[[table]]\n");
        write_table(&mut out, table);
    }
    out
}

fn write_host(out: &mut String, host: &Host) {
    line(out, "vendor", quoted(&host.vendor));
    line(out, "family", host.family);
    line(out, "model", host.model);
    line(out, "stepping", host.stepping);
    line(out, "brand", quoted(&host.brand));
    line(out, "isa", quoted(host.isa.id()));
    line(out, "cores", host.cores);
    line(out, "l1d_kib", host.l1d_kib);
    line(out, "l2_kib", host.l2_kib);
    line(out, "l3_kib", host.l3_kib);
    line(out, "vm", host.vm);
}

fn write_origin(out: &mut String, origin: &Origin) {
    line(out, "rustc", quoted(&origin.rustc));
    line(out, "grid_hash", hash_text(origin.grid_hash));
    line(out, "grid_variants", origin.grid_variants);
    line(out, "effort", quoted(&origin.effort));
    if let Some(budget) = origin.budget_seconds {
        line(out, "budget_seconds", budget);
    }
    line(out, "seconds", float_text(origin.seconds));
    if let Some(complete) = origin.complete {
        line(out, "complete", complete);
    }
    if let Some(SampleCounts { taken, retaken, contended }) = origin.samples {
        line(out, "samples", taken);
        line(out, "samples_retaken", retaken);
        line(out, "samples_contended", contended);
    }
}

fn write_table(out: &mut String, table: &Table) {
    let Situation { isa, element, accuracy, in_place, rows, threads } = table.situation;
    line(out, "isa", quoted(isa.id()));
    line(out, "element", quoted(element.id()));
    line(out, "accuracy", quoted(accuracy.id()));
    line(out, "in_place", in_place);
    if rows != Rows::Single {
        line(out, "rows", quoted(rows.id()));
    }
    line(out, "threads", threads);
    for class in &table.classes {
        out.push_str("\n[[table.class]]\n");
        if let Some(upper) = class.upper {
            line(out, "upper", upper);
        }
        line(out, "plan", plan_text(&class.plan));
        if let Some(evidence) = &class.evidence {
            write_evidence(out, evidence);
        }
    }
}

fn write_evidence(out: &mut String, evidence: &Evidence) {
    line(out, "len", evidence.len);
    line(out, "ns_per_element", float_text(evidence.ns_per_element));
    line(out, "interval", pair_text(evidence.interval));
    line(out, "memcpy_ns_per_element", float_text(evidence.memcpy_ns_per_element));
    line(out, "roofline", float_text(evidence.roofline));
    line(out, "speedup_over_default", float_text(evidence.speedup_over_default));
    if let Some((plan, ratio)) = &evidence.runner_up {
        line(out, "runner_up", plan_text(plan));
        line(out, "runner_up_ratio", float_text(*ratio));
    }
    let ties: Vec<String> = evidence.ties.iter().map(plan_text).collect();
    line(out, "ties", format!("[{}]", ties.join(", ")));
    if let Some(trust) = &evidence.trust {
        write_trust(out, trust);
    }
}

fn write_trust(out: &mut String, trust: &Trust) {
    line(out, "speedup_interval", pair_text(trust.speedup_interval));
    if let Some(interval) = trust.runner_up_interval {
        line(out, "runner_up_interval", pair_text(interval));
    }
    line(out, "noise", float_text(trust.noise));
    if let Some(contended) = trust.contended {
        line(out, "contended", float_text(contended));
    }
}

fn pair_text((low, high): (f64, f64)) -> String {
    format!("[{}, {}]", float_text(low), float_text(high))
}

fn plan_text(plan: &Plan) -> String {
    quoted(&plan.to_string())
}

/// Four significant decimals are finer than any timing; TOML wants a decimal point. The largest numbers would be rounded up to
/// what is none.
fn float_text(value: f64) -> String {
    let rounded: f64 = format!("{value:.3e}").parse().expect("a formatted float");
    let written = if rounded.is_finite() { rounded } else { value };
    format!("{written:?}")
}
