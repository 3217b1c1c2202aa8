//! From an SVG on stdin to a PNG on stdout.
//!
//! A process of its own, so that only those who want PNGs compile a rasteriser. The font is in it: what comes out is the
//! same on every machine, those without fonts included.

use anyhow::{Context, Result};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};
use std::io::{Read, Write};
use std::process::ExitCode;
use std::sync::Arc;

/// Pixels of the PNG per unit of the SVG: screens with small pixels show text sharp.
const SCALE: f32 = 2.0;
/// The font, whatever family the SVG asks for.
const FAMILY: &str = "DejaVu Sans";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever started this reads it; without a reader there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut svg = String::new();
    std::io::stdin().read_to_string(&mut svg).context("stdin is no text")?;
    std::io::stdout().write_all(&png(&svg)?).context("cannot write to stdout")
}

/// The PNG of an SVG.
fn png(svg: &str) -> Result<Vec<u8>> {
    let tree = Tree::from_str(svg, &options()).context("stdin is no SVG")?;
    let size = tree.size().to_int_size().scale_by(SCALE).context("the SVG has no size")?;
    let mut pixels = Pixmap::new(size.width(), size.height()).context("the SVG is too large")?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().context("the PNG cannot be encoded")
}

fn options() -> Options<'static> {
    let mut options = Options { font_family: FAMILY.to_owned(), ..Options::default() };
    let fonts = Arc::make_mut(&mut options.fontdb);
    fonts.load_font_data(dejavu::sans::regular().to_vec());
    fonts.load_font_data(dejavu::sans::bold().to_vec());
    fonts.set_sans_serif_family(FAMILY);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20" fill="#FFFFFF"/>"##;

    fn drawn(inner: &str) -> Pixmap {
        Pixmap::decode_png(&png(&format!("{EMPTY}{inner}</svg>")).unwrap()).unwrap()
    }

    #[test]
    fn text_is_drawn_without_fonts_of_the_machine() {
        let dark = |picture: &Pixmap| picture.pixels().iter().filter(|pixel| pixel.red() < 128).count();
        let text = |weight: &str| {
            format!(r##"<text x="2" y="15" font-family="sans-serif" font-size="12" {weight}>n=64</text>"##)
        };
        let (empty, plain, bold) = (drawn(""), drawn(&text("")), drawn(&text(r#"font-weight="bold""#)));
        assert_eq!((empty.width(), empty.height(), dark(&empty)), (80, 40, 0));
        assert!(dark(&plain) > 50 && dark(&bold) > dark(&plain), "{} {}", dark(&plain), dark(&bold));
    }

    #[test]
    fn what_is_no_svg_is_refused() {
        assert!(png("").is_err());
        assert!(png("<html/>").is_err());
    }
}
