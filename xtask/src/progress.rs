//! The progress bar of the commands that take long.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::time::Duration;

/// Often enough to look alive.
const TICK: Duration = Duration::from_millis(250);

/// A bar of that many steps on stderr; `None` off a terminal, where it would fill a log.
pub fn bar(steps: u64, template: &'static str) -> Option<ProgressBar> {
    let style = ProgressStyle::with_template(template);
    stderr().is_terminal().then(|| {
        let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr());
        bar.set_style(style.expect("the template is a constant"));
        bar.enable_steady_tick(TICK);
        bar
    })
}
