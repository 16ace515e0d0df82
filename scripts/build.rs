//! Embeds what lies in `config/` and watches `migrations/`.
//!
//! A table is added by dropping one file: the lists below are made from the directories, and a new
//! file alone makes cargo build again (refinery's macro does not see new files by itself).
use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

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
    let config = Path::new(&root).join("config");
    let mut code = views(&config.join("views"))?;
    for (constant, folder) in [("MARTS", "marts"), ("TUVA", "tuva")] {
        code += &format!("pub(crate) const {constant}: &[(&str, &str)] = &[\n");
        for path in files(&config.join(folder), "sql")? {
            code += &format!("    ({:?}, include_str!({path:?})),\n", stem(&path));
        }
        code += "];\n";
    }
    fs::write(Path::new(&out).join("embedded.rs"), code)
}

/// What a command must know of each table before it reads a definition, which takes a while for hundreds.
fn views(folder: &Path) -> io::Result<String> {
    let mut code = "pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(crate) resource: &'static str,
    pub(crate) text: &'static str,
    pub(crate) hash: u128,
}
pub(crate) const VIEWS: &[Definition] = &[\n"
        .to_owned();
    for path in files(folder, "json")? {
        let text = fs::read_to_string(&path)?;
        let resource = text
            .lines()
            .find_map(|line| line.strip_prefix("  \"resource\": \"")?.strip_suffix("\","))
            .ok_or_else(|| {
                io::Error::other(format!("{} has no line `  \"resource\": \"…\",`", path.display()))
            })?;
        code += &format!(
            "    Definition {{ name: {:?}, resource: {resource:?}, hash: {:#x}, \
             text: include_str!({path:?}) }},\n",
            stem(&path),
            hash(text.as_bytes()),
        );
    }
    Ok(code + "];\n")
}

/// FNV-1a of 128 bits: tells one text of ours from the next. A crate would be compiled for this script alone.
fn hash(text: &[u8]) -> u128 {
    text.iter().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |hash, byte| {
        (hash ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    })
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn files(folder: &Path, ending: &str) -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = match fs::read_dir(folder) {
        Ok(entries) => {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    files.retain(|path| path.extension().is_some_and(|found| found == ending));
    files.sort();
    Ok(files)
}
