//! Embeds what lies in `config/` and watches `migrations/`.
//!
//! A table is added by dropping one file: the lists below are made from the directories, and a new
//! file alone makes cargo build again (refinery's macro does not see new files by itself).
use std::{env, fs, io, path::Path};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=migrations");
    // The folder above, since git keeps no empty ones: a first mart may bring its folder along.
    println!("cargo:rerun-if-changed=config");
    println!("cargo:rerun-if-changed=scripts/build.rs");
    // What `--version --verbose` tells; the same wherever the same target is built.
    for name in ["TARGET", "PROFILE"] {
        let value = env::var(name).map_err(io::Error::other)?;
        println!("cargo:rustc-env=PAYERSYNC_{name}={value}");
    }
    let root = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    let mut code = String::new();
    for (constant, folder, ending) in [
        ("VIEWS", "config/views", "json"),
        ("MARTS", "config/marts", "sql"),
        ("TUVA", "config/tuva", "sql"),
    ] {
        code += &embed(constant, &Path::new(&root).join(folder), ending)?;
    }
    fs::write(Path::new(&out).join("embedded.rs"), code)
}

fn embed(constant: &str, folder: &Path, ending: &str) -> io::Result<String> {
    let mut files: Vec<_> = match fs::read_dir(folder) {
        Ok(entries) => {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    files.retain(|path| path.extension().is_some_and(|found| found == ending));
    files.sort();
    let mut code = format!("pub(crate) const {constant}: &[(&str, &str)] = &[\n");
    for path in files {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        code += &format!("    ({name:?}, include_str!({:?})),\n", path.display().to_string());
    }
    Ok(code + "];\n")
}
