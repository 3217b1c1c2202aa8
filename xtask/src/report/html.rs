//! The report as one HTML file: nothing in it is fetched, nothing in it runs, and it is well-formed XML as well.

use super::axes;
use super::data::{Data, Missing};
use super::figure::{Figure, Panel, Table, panel_svg};
use super::palette::{self, Ink};
use crate::measuring::BYTES_PER_ELEMENT;
use anyhow::Result;
use softmax_spec::profile::{Class, Evidence, Host};

/// The style sheet, without its colours.
const STYLE: &str = include_str!("page.css");

/// The whole file.
pub fn page(data: &Data, figures: &[Figure]) -> Result<String> {
    let machine = data.profile.host.as_ref().map_or(data.profile.name.as_str(), |host| host.brand.as_str());
    let title = escape(&format!("Softmax on {machine}"));
    let (colors, dark) = (variables(0), variables(1));
    let rules = palette::dark_rules();
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n<title>{title}</title>\n\
         <style>\n:root {{ {colors} }}\n{STYLE}\n@media (prefers-color-scheme: dark) {{\n:root {{ {dark} }}\n{rules}}}\n</style>\n\
         </head>\n<body>\n<header>\n<h1>{title}</h1>\n"
    );
    html += &facts(data);
    html += &headlines(data);
    html += &contents(figures);
    html += "</header>\n<main>\n";
    for figure in figures {
        html += &section(figure)?;
    }
    html += "</main>\n</body>\n</html>\n";
    Ok(html)
}

/// The colours that the page has in common with its drawings.
fn variables(paper: usize) -> String {
    let roles = [
        ("paper", Ink::Paper),
        ("text", Ink::Text),
        ("soft", Ink::Soft),
        ("line", Ink::Grid),
        ("shade", Ink::Shade),
        ("link", Ink::Blue),
    ];
    let (behind, scheme) = [("#F3F5F7", "light"), ("#0F1216", "dark")][paper];
    let colors = roles.map(|(name, ink)| format!("--{name}: {};", ink.hex()[paper]));
    format!("color-scheme: {scheme}; --behind: {behind}; {}", colors.join(" "))
}

/// What was measured where, and how.
fn facts(data: &Data) -> String {
    let mut facts = vec![("Profile", format!("{}, {}", data.profile.name, data.path.display()))];
    facts.extend(data.profile.host.as_ref().map(|host| ("Machine", host_text(host))));
    if let Some(origin) = &data.profile.origin {
        let budget =
            origin.budget_seconds.map(|seconds| format!(" with a budget of {seconds} s")).unwrap_or_default();
        facts.push((
            "Search",
            format!(
                "effort {}{budget}, {:.0} s of measuring, a grid of {} kernels, {}",
                origin.effort, origin.seconds, origin.grid_variants, origin.rustc
            ),
        ));
    }
    if let Ok(times) = &data.times {
        let end = if times.is_complete { "" } else { ", of a search that has not ended" };
        facts.push(("Journal", format!("{} samples{end}", times.samples)));
    }
    let item =
        |(name, text): &(&str, String)| format!("<div><dt>{name}</dt><dd>{}</dd></div>\n", escape(text));
    format!("<dl>\n{}</dl>\n", facts.iter().map(item).collect::<String>())
}

fn host_text(host: &Host) -> String {
    let Host { vendor, family, model, stepping, isa, cores, l1d_kib, l2_kib, l3_kib, vm, .. } = host;
    let vm = if *vm { ", a virtual machine" } else { "" };
    let size = |kib: u32| if kib < 1024 { format!("{kib} KiB") } else { format!("{} MiB", kib / 1024) };
    format!(
        "{vendor} family {family} model {model} stepping {stepping}, {isa}, {cores} cores; caches as reported: L1d {}, L2 {}, L3 {}{vm}",
        size(*l1d_kib),
        size(*l2_kib),
        size(*l3_kib)
    )
}

/// A few numbers that sum it up.
fn headlines(data: &Data) -> String {
    let classes: Vec<&Class> = data.profile.tables.iter().flat_map(|table| &table.classes).collect();
    let evidence: Vec<&Evidence> = classes.iter().filter_map(|class| class.evidence.as_ref()).collect();
    let mut numbers = Vec::new();
    if let Some(fastest) = evidence.iter().min_by(|a, b| a.ns_per_element.total_cmp(&b.ns_per_element)) {
        let (ns, len) = (fastest.ns_per_element, axes::short_length(fastest.len as f64));
        numbers.push((
            format!("{ns:.3} ns"),
            format!("per element at best, {:.0} GB/s, rows of {len}", BYTES_PER_ELEMENT / ns),
        ));
    }
    if let Some(longest) = evidence.iter().map(|evidence| evidence.len).max() {
        let there = evidence.iter().filter(|evidence| evidence.len == longest);
        let best = there
            .map(|evidence| evidence.ns_per_element / evidence.memcpy_ns_per_element)
            .fold(f64::INFINITY, f64::min);
        numbers.push((
            format!("{best:.2}x"),
            format!("the time of memcpy at best, rows of {}", axes::short_length(longest as f64)),
        ));
    }
    if let Some(gain) = geometric_mean(evidence.iter().map(|evidence| evidence.speedup_over_default)) {
        let count = evidence.len();
        numbers.push((
            format!("{gain:.2}x"),
            format!("as fast as the default plans, geometric mean of {count} classes"),
        ));
    }
    if let Ok(peers) = &data.peers {
        let best = peers
            .contests
            .iter()
            .filter_map(|contest| contest.peers.iter().map(|peer| peer.ratio).reduce(f64::min));
        if let Some(mean) = geometric_mean(best) {
            numbers.push((
                format!("{mean:.2}x"),
                "as fast as the best peer of each shape, geometric mean".to_owned(),
            ));
        }
    }
    let item = |(number, text): &(String, String)| {
        format!("<li><strong>{}</strong><span>{}</span></li>\n", escape(number), escape(text))
    };
    match numbers.is_empty() {
        true => String::new(),
        false => format!("<ul class=\"headlines\">\n{}</ul>\n", numbers.iter().map(item).collect::<String>()),
    }
}

/// `None` of no numbers.
fn geometric_mean(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let logarithms: Vec<f64> = numbers.map(f64::ln).collect();
    let mean = (logarithms.iter().sum::<f64>() / logarithms.len() as f64).exp();
    (!logarithms.is_empty()).then_some(mean)
}

fn contents(figures: &[Figure]) -> String {
    let link = |figure: &Figure| format!("<a href=\"#{}\">{}</a>\n", figure.name, escape(figure.title));
    format!("<nav>\n{}</nav>\n", figures.iter().map(link).collect::<String>())
}

fn section(figure: &Figure) -> Result<String> {
    let (name, title, caption) = (figure.name, escape(figure.title), escape(&figure.caption));
    let mut html = format!("<section id=\"{name}\">\n<h2>{title}</h2>\n<p>{caption}</p>\n");
    html += &figure.missing.iter().map(missing).collect::<String>();
    let (first, others): (Vec<_>, Vec<_>) =
        figure.panels.iter().map(Box::as_ref).partition(|panel| panel.leads());
    // Without one that leads all do.
    let (first, others) = if first.is_empty() { (others, first) } else { (first, others) };
    html += &panels(&first)?;
    if !others.is_empty() {
        let count = others.len();
        html += &format!("<details>\n<summary>{count} more</summary>\n{}</details>\n", panels(&others)?);
    }
    if !figure.table.rows.is_empty() {
        html += &format!("<details>\n<summary>The numbers</summary>\n{}</details>\n", table(&figure.table));
    }
    Ok(html + "</section>\n")
}

fn missing(missing: &Missing) -> String {
    format!(
        "<p class=\"missing\">Missing: {}.<br/><code>{}</code></p>\n",
        escape(&missing.what),
        escape(&missing.command)
    )
}

fn panels(panels: &[&dyn Panel]) -> Result<String> {
    if panels.is_empty() {
        return Ok(String::new());
    }
    let mut html = "<div class=\"panels\">\n".to_owned();
    for panel in panels {
        let svg = panel_svg(*panel)?;
        let label = escape(&panel.title());
        html += &format!("<figure role=\"img\" aria-label=\"{label}\">\n{svg}</figure>\n");
    }
    Ok(html + "</div>\n")
}

fn table(table: &Table) -> String {
    let head: String =
        table.columns.iter().map(|name| format!("<th>{}</th>", escape(&name.replace('_', " ")))).collect();
    let cell = |cell: &String| format!("<td>{}</td>", escape(cell));
    let row = |row: &Vec<String>| format!("<tr>{}</tr>\n", row.iter().map(cell).collect::<String>());
    let rows: String = table.rows.iter().map(row).collect();
    format!(
        "<div class=\"numbers\"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
    )
}

/// Text as it stands in HTML and XML.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            // XML has no other control characters.
            c if c.is_control() && !matches!(c, '\t' | '\n' | '\r') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
