//! The style of the workspace, as a test: sizes of files, widths of lines, words and references.

use std::fs;
use std::path::{Path, PathBuf};

/// A file that one can hold in the head.
const MOST_LINES: usize = 500;
/// Files that are longer, and why.
const LONGER: [(&str, &str); 1] =
    [("accounts/src/holders/messages/template.rs", "one enum, with a variant for each message")];
/// A line that fits beside another.
const MOST_COLUMNS: usize = 100;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file below the workspace with one of these endings, but what is built or generated.
fn files(endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&root(), endings, &mut found);
    found.sort();
    assert!(!found.is_empty());
    found
}

fn collect(directory: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    const SKIPPED: [&str; 6] =
        ["target", ".git", "artifacts", "corpus", "node_modules", "marca-demo"];
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !path.is_symlink() {
            if !SKIPPED.contains(&name) {
                collect(&path, endings, found);
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// All that is wrong at once, one line each.
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_file_can_be_held_in_the_head() {
    let mut faults = Vec::new();
    for path in files(&[".rs"]) {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        let reasoned = LONGER.iter().any(|(longer, _)| *longer == shown(&path));
        if lines > MOST_LINES && !reasoned {
            faults.push(format!("{}: {lines} lines", shown(&path)));
        }
        for (number, line) in text.lines().enumerate() {
            let columns = line.chars().count();
            if columns > MOST_COLUMNS {
                faults.push(format!("{}:{}: {columns} columns", shown(&path), number + 1));
            }
            if line.ends_with([' ', '\t']) || line.contains('\r') {
                faults.push(format!("{}:{}: space at the end", shown(&path), number + 1));
            }
        }
        if !text.ends_with('\n') {
            faults.push(format!("{}: no newline at the end", shown(&path)));
        }
    }
    none(&faults);
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut faults = Vec::new();
    for path in files(&[".rs"]) {
        let text = fs::read_to_string(&path).unwrap();
        // A fuzz target has to begin with an attribute.
        let first = text.lines().find(|line| !line.starts_with("#!") && !line.is_empty());
        let words = first.and_then(|line| line.strip_prefix("//! "));
        if words.is_none_or(|words| words.len() < 10) {
            faults.push(format!("{}: no //! paragraph at its head", shown(&path)));
        }
    }
    none(&faults);
}

/// Nothing half done, and no doubt without an owner.
#[test]
fn nothing_is_left_to_do() {
    let words = ["todo!", "unimplemented!", "FIXME", "XXX", "TODO", "HACK", "dbg!("];
    let mut faults = Vec::new();
    for path in files(&[".rs", ".md", ".toml", ".sh"]) {
        if path.ends_with("tests/it/tidy.rs") {
            continue;
        }
        for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(**word)) {
                faults.push(format!("{}:{}: {word}", shown(&path), number + 1));
            }
            if line.starts_with("<<<<<<<") || line.starts_with(">>>>>>>") {
                faults.push(format!("{}:{}: conflict", shown(&path), number + 1));
            }
        }
    }
    none(&faults);
}

/// No path of somebody's machine in what everybody reads.
#[test]
fn no_path_of_a_machine_is_named() {
    let words = ["/root/", "/home/", "/Users/", "/work/", "C:\\Users"];
    let mut faults = Vec::new();
    for path in files(&[".rs", ".md", ".toml", ".sh", "Dockerfile"]) {
        if path.ends_with("tests/it/tidy.rs") {
            continue;
        }
        for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(**word)) {
                faults.push(format!("{}:{}: {word}", shown(&path), number + 1));
            }
        }
    }
    none(&faults);
}

/// `unwrap` and its relatives are for tests: elsewhere the lint has an exception with a reason.
#[test]
fn every_exception_to_a_lint_has_a_reason() {
    let mut faults = Vec::new();
    for path in files(&[".rs"]) {
        let text = fs::read_to_string(&path).unwrap();
        for attribute in ["#[allow(", "#![allow(", "#[expect(", "#![expect("] {
            for (at, _) in text.match_indices(attribute) {
                // The attribute itself, and not a text that has it in quotes.
                let line_start = text[..at].rfind('\n').map_or(0, |end| end + 1);
                if !text[line_start..at].trim().is_empty() {
                    continue;
                }
                let end = text[at..].find(")]").unwrap_or(0);
                if !text[at..at + end].contains("reason") {
                    let number = text[..at].lines().count() + 1;
                    faults.push(format!("{}:{number}: {attribute} without a reason", shown(&path)));
                }
            }
        }
    }
    none(&faults);
}

/// The crates depend on each other in one direction only.
#[test]
fn dependencies_go_one_way() {
    let directions: [(&str, &[&str]); 11] = [
        ("certs", &[]),
        ("store", &[]),
        ("clock", &[]),
        ("envelope", &[]),
        ("signing", &[]),
        ("trail", &["store"]),
        ("authority", &["certs", "store", "trail"]),
        ("accounts", &["envelope", "store", "trail"]),
        ("tsa", &["certs"]),
        (
            "server",
            &[
                "accounts",
                "authority",
                "certs",
                "clock",
                "envelope",
                "signing",
                "store",
                "trail",
                "tsa",
            ],
        ),
        ("tests", &[]),
    ];
    let workspace = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = workspace.split("members = [").nth(1).unwrap().split(']').next().unwrap();
    assert_eq!(members.matches('"').count(), 2 * directions.len(), "a crate without a direction");
    for (name, allowed) in directions {
        let manifest = fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap_or_default();
        let dependencies = dependencies.split("\n[").next().unwrap();
        for (other, _) in directions {
            let named =
                dependencies.lines().any(|line| line.split(['.', ' ', '=']).next() == Some(other));
            assert!(!named || allowed.contains(&other), "{name} depends on {other}");
        }
    }
}

/// Every file that a document links to, or names in a code span with its folder, is there.
#[test]
fn documents_point_to_what_is_there() {
    let mut faults = Vec::new();
    for path in files(&[".md"]) {
        let text = fs::read_to_string(&path).unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.map(|link| link.split('#').next().unwrap()) {
            if link.is_empty() || link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            if !path.parent().unwrap().join(link).exists() {
                faults.push(format!("{}: no {link}", shown(&path)));
            }
        }
        for span in text.split('`').skip(1).step_by(2) {
            let looks_like_a_file = span.starts_with("docs/") && span.ends_with(".md");
            if looks_like_a_file && !root().join(span).exists() {
                faults.push(format!("{}: no {span}", shown(&path)));
            }
        }
    }
    none(&faults);
}

/// Every test that the security checklist names is there, by its file and its name.
#[test]
fn the_checklist_names_tests_that_exist() {
    let text = fs::read_to_string(root().join("docs/SECURITY-CHECKLIST.md")).unwrap();
    let named = text.split('`').skip(1).step_by(2).filter_map(|span| span.split_once(".rs::"));
    let mut faults = Vec::new();
    let mut count = 0;
    for (file, name) in named {
        count += 1;
        let source = fs::read_to_string(root().join(format!("{file}.rs"))).unwrap_or_default();
        if !source.contains(&format!("fn {name}(")) {
            faults.push(format!("no {name} in {file}.rs"));
        }
    }
    assert!(count > 75, "{count} tests in the checklist");
    none(&faults);
}

/// The documents that a reader looks for first.
#[test]
fn the_documents_are_there() {
    for name in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "docs/ISSUANCE.md",
        "docs/TSA-POLICY.md",
        "docs/rfc3161-choices.md",
        "docs/DEPENDENCIES.md",
        "docs/PERFORMANCE.md",
        "docs/SECURITY-CHECKLIST.md",
    ] {
        assert!(root().join(name).is_file(), "{name} is missing");
    }
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.contains("./test"), "the README names the test command");
    assert!(readme.contains("cargo run --release -- demo") || readme.contains("-- demo"));
}
