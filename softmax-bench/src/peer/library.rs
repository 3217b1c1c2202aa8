//! C libraries that are opened at run time, and what to say where they are missing.

use anyhow::{Context, Result, bail, ensure};
use libloading::Library;
use std::ffi::{OsString, c_int};

/// Where a library may be, and how to get it.
pub struct Wanted {
    /// Environment variable with the path of the library, which goes before everything else.
    pub variable: &'static str,
    /// Names that the dynamic linker is asked for, the best first.
    pub names: &'static [&'static str],
    /// How to install it, as a command.
    pub install: &'static str,
}

impl Wanted {
    /// Opens the library, also looking at `more` paths after the names. It stays loaded until the process ends, for
    /// libraries with threads and thread-local state do not unload well.
    pub fn open(&self, more: impl IntoIterator<Item = OsString>) -> Result<&'static Library> {
        if let Some(path) = std::env::var_os(self.variable) {
            let shown = path.display().to_string();
            let help = || format!("cannot open {}={shown}; {}", self.variable, self.install());
            return load(path).with_context(help);
        }
        let names = self.names.iter().map(OsString::from);
        match names.chain(more).find_map(|name| load(name).ok()) {
            Some(library) => Ok(library),
            None => bail!("no {} here; {}", self.names.join(" or "), self.install()),
        }
    }

    fn install(&self) -> String {
        format!("install it with `{}`, or give its path as {}=/path/lib.so", self.install, self.variable)
    }
}

fn load(name: OsString) -> Result<&'static Library> {
    // SAFETY: opening runs the library's initialisers. Whoever installed it, or named it in the environment, trusts it.
    let library = unsafe { Library::new(&name) }?;
    Ok(Box::leak(Box::new(library)))
}

/// A function of a library.
///
/// # Safety
/// `F` must be the function's type, as the library's header declares it.
pub unsafe fn function<F: Copy>(library: &'static Library, name: &str) -> Result<F> {
    // SAFETY: the caller vouches for the type; a library is never unloaded, so the address stays valid.
    let symbol = unsafe { library.get::<F>(name) };
    symbol.map(|symbol| *symbol).with_context(|| format!("it has no function {name}"))
}

/// Whether a call with the usual kind of status went well.
pub fn done(status: c_int, what: &str) -> Result<()> {
    ensure!(status == 0, "{what} fails with status {status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_in_one_line_with_a_way_out() {
        let wanted = Wanted {
            variable: "SOFTMAX_PEER_NOTHING",
            names: &["libnothing.so.2", "libnothing.so.1"],
            install: "apt-get install libnothing-dev",
        };
        let error = format!("{:#}", wanted.open([]).unwrap_err());
        assert_eq!(
            error,
            "no libnothing.so.2 or libnothing.so.1 here; install it with `apt-get install libnothing-dev`, or give its path \
             as SOFTMAX_PEER_NOTHING=/path/lib.so"
        );
    }
}
