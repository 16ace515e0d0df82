//! What is published: the .deb and the image hold what they should, and nothing else.
//!
//! Tools that are not on every machine (cargo-deb, hadolint, a Docker engine) are used where they are;
//! what the files say is checked everywhere.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use toml::{Table, Value};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// What a program printed, if it is there and ended well.
fn printed(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    output.status.success().then_some(said)
}

/// Whether a tool is there; says so where it is not.
fn has(program: &str, arguments: &[&str]) -> bool {
    let found = printed(program, arguments).is_some();
    if !found {
        eprintln!("SKIPPED in part: {program} is not here");
    }
    found
}

fn deb() -> Table {
    let manifest: Table = read("Cargo.toml").parse().unwrap();
    manifest["package"]["metadata"]["deb"].as_table().unwrap().clone()
}

/// Source, place and mode of each asset.
fn assets() -> Vec<[String; 3]> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let assets = deb()["assets"].as_array().unwrap().clone();
    assets.iter().map(|asset| [0, 1, 2].map(|at| text(&asset[at]))).collect()
}

/// The files that a source with one `*` in its name stands for.
fn files(source: &str) -> Vec<PathBuf> {
    let path = root().join(source);
    let pattern = path.file_name().unwrap().to_str().unwrap().to_owned();
    let Some((begin, end)) = pattern.split_once('*') else {
        return vec![path].into_iter().filter(|path| path.is_file()).collect();
    };
    let entries = fs::read_dir(path.parent().unwrap()).unwrap();
    let fits = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        path.is_file() && name.starts_with(begin) && name.ends_with(end)
    };
    entries.map(|entry| entry.unwrap().path()).filter(fits).collect()
}

#[test]
fn every_asset_of_the_package_is_there_and_every_unit_is_in_it() {
    let assets = assets();
    for [source, place, mode] in &assets {
        let is_built = source.starts_with("target/release/");
        assert!(is_built || !files(source).is_empty(), "{source} is nothing");
        assert!(place.starts_with("usr/"), "{place}");
        let is_program = place.starts_with("usr/bin");
        assert_eq!(mode == "755", is_program, "{source}");
    }
    let of_the_repository = assets.iter().filter(|[source, ..]| !source.starts_with("target/"));
    let shipped: Vec<PathBuf> = of_the_repository.flat_map(|[source, ..]| files(source)).collect();
    let deploy = fs::read_dir(root().join("scripts/deploy")).unwrap();
    for path in deploy.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_container = name.starts_with("Dockerfile") || name == "compose.yaml";
        assert_eq!(shipped.contains(&path), !is_container, "{name}");
    }
    for script in ["postinst", "prerm", "postrm"] {
        let path = root().join("scripts/deploy/debian").join(script);
        let fine = Command::new("sh").arg("-n").arg(&path).status().unwrap();
        assert!(fine.success(), "{script}");
    }
    // No unit starts by itself, and no script removes data.
    let scripts =
        ["postinst", "prerm", "postrm"].map(|it| read(&format!("scripts/deploy/debian/{it}")));
    let scripts = scripts.concat();
    for word in ["systemctl enable", "systemctl start", "rm -", "userdel", "deluser"] {
        assert!(!scripts.contains(word), "{word}");
    }
}

#[test]
fn cargo_deb_makes_a_package_of_it() {
    if !has("cargo-deb", &["--version"]) || !has("dpkg-deb", &["--version"]) {
        return;
    }
    // In place of a release: this build's binary, and what scripts/release puts beside it.
    let target = tempfile::tempdir().unwrap();
    let release = target.path().join("release");
    let package = release.join("package");
    fs::create_dir_all(package.join("completions")).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_payersync"), release.join("payersync")).unwrap();
    let made =
        Command::new(env!("CARGO_BIN_EXE_payersync")).arg("man").arg(package.join("man")).output();
    assert!(made.unwrap().status.success());
    for shell in ["bash", "zsh", "fish"] {
        let path = package.join("completions").join(format!("payersync.{shell}"));
        fs::write(path, payersync::cli::completions(shell.parse().unwrap())).unwrap();
    }
    fs::write(package.join("payersync.cdx.json"), "{}").unwrap();
    let file = target.path().join("payersync.deb");
    let output = Command::new("cargo-deb")
        .args(["--no-build", "--no-strip", "--fast", "--output"])
        .arg(&file)
        .env("CARGO_TARGET_DIR", target.path())
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let file = file.to_str().unwrap();
    let fields = printed("dpkg-deb", &["--field", file]).unwrap();
    for field in
        ["Package: payersync", "Section: database", "Depends: ", "libc6", "ca-certificates"]
    {
        assert!(fields.contains(field), "{field}: {fields}");
    }
    let listed = printed("dpkg-deb", &["--contents", file]).unwrap();
    for (mode, path) in [
        ("-rwxr-xr-x", "usr/bin/payersync"),
        ("-rwxr-xr-x", "usr/bin/payersync-once"),
        ("-rw-r--r--", "usr/lib/systemd/system/payersync.service"),
        ("-rw-r--r--", "usr/lib/systemd/system/payersync-sync.timer"),
        ("-rw-r--r--", "usr/lib/sysusers.d/payersync.conf"),
        ("-rw-r--r--", "usr/share/man/man1/payersync-sync.1"),
        ("-rw-r--r--", "usr/share/bash-completion/completions/payersync"),
        ("-rw-r--r--", "usr/share/doc/payersync/copyright"),
    ] {
        // Some versions compress man pages.
        let is_it = |line: &str| line.trim_end_matches(".gz").ends_with(path);
        let found = listed.lines().any(|line| line.starts_with(mode) && is_it(line));
        assert!(found, "{mode} {path}: {listed}");
    }
    assert!(
        listed.lines().all(|line| line.contains(" root/root ") || line.contains(" 0/0 ")),
        "{listed}"
    );
    let control = target.path().join("control");
    printed("dpkg-deb", &["--control", file, control.to_str().unwrap()]).unwrap();
    for script in ["postinst", "prerm", "postrm"] {
        let text = fs::read_to_string(control.join(script)).unwrap();
        assert_eq!(text, read(&format!("scripts/deploy/debian/{script}")), "{script}");
    }
}

/// The instructions of the Dockerfile by stage, continued lines joined.
fn stages() -> Vec<Vec<(String, String)>> {
    let text = read("scripts/deploy/Dockerfile").replace("\\\n", " ");
    let lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut stages: Vec<Vec<(String, String)>> = Vec::new();
    for line in lines {
        let (word, rest) = line.split_once(' ').unwrap();
        if word == "FROM" {
            stages.push(Vec::new());
        }
        stages
            .last_mut()
            .expect("FROM comes first")
            .push((word.to_owned(), rest.trim().to_owned()));
    }
    stages
}

/// The words of an instruction that is a JSON list of words, as one without a shell must be.
fn words(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap_or_else(|_| panic!("{text} would need a shell"))
}

#[test]
fn the_image_is_empty_but_for_the_binary_and_runs_as_nobody_else() {
    let stages = stages();
    assert_eq!(stages.len(), 2);
    let minor = env!("CARGO_PKG_RUST_VERSION");
    assert_eq!(stages[0][0].1, format!("rust:{minor}-alpine AS build"), "a static binary");
    let last = &stages[1];
    assert_eq!(last[0].1, "scratch");
    let all = |word: &str| -> Vec<&str> {
        last.iter().filter(|(it, _)| it == word).map(|(_, rest)| rest.as_str()).collect()
    };
    assert!(all("RUN").is_empty() && all("ADD").is_empty(), "there is no shell to run");
    assert!(all("COPY").iter().all(|copy| copy.starts_with("--from=build ")), "{last:?}");
    let passwd = stages[0].iter().find(|(_, rest)| rest.contains("> /passwd")).unwrap();
    let [user] = all("USER")[..] else { panic!("one user") };
    assert!(passwd.1.contains(&format!("payersync:x:{user}:")), "{user}");
    assert!(user != "0:0" && !user.starts_with("root"));
    let [entry] = all("ENTRYPOINT")[..] else { panic!("one entry") };
    let program = words(entry);
    let parses = |arguments: Vec<String>| {
        <payersync::cli::Cli as clap::Parser>::try_parse_from(arguments).unwrap();
    };
    parses([program.clone(), words(all("CMD")[0])].concat());
    let [health] = all("HEALTHCHECK")[..] else { panic!("one health check") };
    let check = words(health.split_once("CMD ").unwrap().1);
    assert_eq!(check[..2], [program[0].clone(), "status".to_owned()]);
    parses(check);
    // What the build needs is let in, and nothing that a person may have in the folder.
    let ignore = read("scripts/deploy/Dockerfile.dockerignore");
    let let_in: Vec<&str> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    assert!(ignore.lines().any(|line| line == "*"));
    for path in &let_in {
        assert!(root().join(path).exists(), "{path}");
    }
    for needed in embedded() {
        assert!(let_in.iter().any(|path| needed.starts_with(path)), "{needed} is not let in");
    }
    if has("hadolint", &["--version"]) {
        let file = root().join("scripts/deploy/Dockerfile");
        let output = Command::new("hadolint").arg(file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// What builds the binary, and the files outside src/ that it embeds; those of tests/ are the fuzzer's.
fn embedded() -> Vec<String> {
    let mut found: Vec<String> =
        ["Cargo.toml", "Cargo.lock", "src", "migrations", "scripts/build.rs"]
            .map(str::to_owned)
            .into();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let paths = text.split("include_str!(\"").skip(1);
                let outside = paths.filter_map(|rest| rest.split('"').next()?.split("../").last());
                let top = ["config/", "docs/", "scripts/"];
                found.extend(
                    outside
                        .filter(|it| top.iter().any(|top| it.starts_with(top)))
                        .map(str::to_owned),
                );
            }
        }
    }
    found
}

#[test]
fn compose_gives_the_container_its_home_and_takes_the_rest() {
    let text = read("scripts/deploy/compose.yaml");
    let lines: Vec<&str> =
        text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    // Each line by its keys: two blanks a level.
    let mut above: BTreeMap<usize, &str> = BTreeMap::new();
    let mut keys = Vec::new();
    for line in lines.iter().filter(|line| !line.trim().is_empty()) {
        let depth = line.len() - line.trim_start().len();
        assert!(depth.is_multiple_of(2) && !line.contains('\t'), "{line}");
        above.split_off(&depth);
        let path: Vec<&str> = above.values().copied().collect();
        keys.push(format!("{} {}", path.join("."), line.trim()));
        if let Some((key, _)) = line.trim().split_once(':') {
            above.insert(depth, key);
        }
    }
    let service = "services.payersync";
    for line in [
        format!("{service} user: \"10001:10001\""),
        format!("{service} read_only: true"),
        format!("{service} restart: unless-stopped"),
        format!("{service}.cap_drop - ALL"),
        format!("{service}.security_opt - no-new-privileges:true"),
        format!("{service}.build dockerfile: scripts/deploy/Dockerfile"),
        format!("{service}.volumes - home:/var/lib/payersync"),
        format!("{service}.environment PAYERSYNC_VAULT_KEY_FILE: /run/secrets/vault-key"),
        "secrets.vault-key file: ./secrets/vault-key".to_owned(),
    ] {
        assert!(keys.contains(&line), "{line}: {keys:#?}");
    }
    assert!(!text.contains("privileged: true") && !text.contains("ports:"));
    let user = stages()[1].iter().find(|(word, _)| word == "USER").unwrap().1.clone();
    assert!(text.contains(&format!("user: \"{user}\"")));
}

/// Builds the image and runs it, where there is a Docker engine.
#[test]
fn an_engine_builds_the_image_and_the_container_finds_its_home() {
    if !has("docker", &["info"]) {
        return;
    }
    let tag = "payersync-test";
    let file = root().join("scripts/deploy/Dockerfile").display().to_string();
    let folder = root().display().to_string();
    let docker = |arguments: &[&str]| {
        printed("docker", arguments).unwrap_or_else(|| panic!("docker {arguments:?}"))
    };
    docker(&["build", "--file", &file, "--tag", tag, &folder]);
    let version = docker(&["run", "--rm", "--read-only", "--cap-drop", "ALL", tag, "--version"]);
    assert_eq!(version.trim(), concat!("payersync ", env!("CARGO_PKG_VERSION")));
    let init = docker(&["run", "--rm", "--cap-drop", "ALL", tag, "init"]);
    assert!(init.contains("/var/lib/payersync/payersync.toml"), "{init}");
    docker(&["rmi", tag]);
}

#[test]
fn the_release_script_is_one_and_ships_what_the_page_says() {
    for script in ["scripts/release", "scripts/reproducible"] {
        assert!(
            Command::new("bash").arg("-n").arg(root().join(script)).status().unwrap().success()
        );
    }
    let (script, page) = (read("scripts/release"), read("docs/install.md"));
    for (said, done) in [
        ("SHA256SUMS", "sha256sum -- *.* >SHA256SUMS"),
        (".cdx.json", "scripts/sbom"),
        ("man pages", "man \"$package/man\""),
        ("(bash, zsh, fish)", "for shell in bash zsh fish"),
        (".deb", "cargo deb "),
        ("musl-tools", "musl-gcc"),
    ] {
        assert!(page.contains(said) && script.contains(done), "{said}");
    }
    assert!(page.contains("\n## Uninstall\n") && page.contains("payersync purge mary --yes"));
}

/// Runs scripts/release with the binary of this build in place of what cargo would build. Returns the
/// checksums and the folder.
#[cfg(unix)]
fn released(target: &Path) -> (String, PathBuf) {
    use std::os::unix::fs::PermissionsExt;
    let tools = target.join("tools");
    fs::create_dir(&tools).unwrap();
    let script = format!(
        "#!/bin/bash\ncase $1 in\n\
         build) while (($#)); do [[ $1 != --target ]] || triple=$2; shift; done\n\
           mkdir -p \"$CARGO_TARGET_DIR/$triple/release\"\n\
           cp '{}' \"$CARGO_TARGET_DIR/$triple/release/\";;\n\
         deb) exit 1;;\n*) exec '{}' \"$@\";;\nesac\n",
        env!("CARGO_BIN_EXE_payersync"),
        env!("CARGO"),
    );
    fs::write(tools.join("cargo"), script).unwrap();
    fs::set_permissions(tools.join("cargo"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths([tools].into_iter().chain(std::env::split_paths(&path)));
    let output = Command::new(root().join("scripts/release"))
        .env("PATH", path.unwrap())
        .env("CARGO_TARGET_DIR", target)
        .env("SOURCE_DATE_EPOCH", "1767225600")
        .env_remove("PROFILE")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("cargo-deb is not installed"), "{said}");
    let dist = target.join("dist");
    (fs::read_to_string(dist.join("SHA256SUMS")).unwrap(), dist)
}

#[cfg(unix)]
#[test]
fn a_release_has_everything_and_a_second_one_is_the_same_to_the_byte() {
    let targets = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [(sums, dist), (again, _)] = [&targets[0], &targets[1]].map(|it| released(it.path()));
    assert_eq!(sums, again);
    let checked =
        Command::new("sha256sum").arg("--check").arg("SHA256SUMS").current_dir(&dist).output();
    assert!(checked.unwrap().status.success());
    let names: Vec<&str> = sums.lines().map(|line| line.split("  ").nth(1).unwrap()).collect();
    let [bill, archive] = names[..] else { panic!("{sums}") };
    let name = archive.strip_suffix(".tar.gz").unwrap();
    assert!(name.starts_with(concat!("payersync-", env!("CARGO_PKG_VERSION"), "-")), "{name}");
    assert_eq!(bill, format!("{name}.cdx.json"));
    let archive = dist.join(archive).display().to_string();
    let listed =
        printed("tar", &["--list", "--verbose", "--numeric-owner", "--file", &archive]).unwrap();
    for (mode, path) in [
        ("-rwxr-xr-x 0/0 ", "payersync"),
        ("-rw-r--r-- 0/0 ", "man/payersync-sync.1"),
        ("-rw-r--r-- 0/0 ", "completions/payersync.zsh"),
        ("-rw-r--r-- 0/0 ", "docs/install.md"),
        ("-rwxr-xr-x 0/0 ", "deploy/payersync-once"),
        ("-rw-r--r-- 0/0 ", "LICENSE"),
    ] {
        let path = format!(" {name}/{path}");
        let found = listed.lines().any(|line| line.starts_with(mode) && line.ends_with(&path));
        assert!(found, "{mode}{path}: {listed}");
    }
}
