//! The documents and what they speak of cannot drift apart.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use stepless_tests::programs;

/// Every test that docs/security.md names is where the page says.
#[test]
fn every_test_that_the_page_names_exists() {
    let sources = test_functions();

    let missing: Vec<_> = rows()
        .into_iter()
        .flat_map(|row| row.tests)
        .filter(|(file, name)| !sources.get(file).is_some_and(|names| names.contains(name)))
        .collect();

    assert!(missing.is_empty(), "docs/security.md names tests that are not there: {missing:#?}");
}

/// Every test with the id of a row in its name is in that row.
#[test]
fn every_test_with_a_row_in_its_name_is_in_that_row() {
    let rows: BTreeMap<_, _> = rows().into_iter().map(|row| (row.id, row.tests)).collect();

    let mut missing = Vec::new();
    for (file, names) in test_functions() {
        for name in names {
            for id in ids(&name) {
                let test = (file.clone(), name.clone());
                if !rows.get(&id).is_some_and(|tests| tests.contains(&test)) {
                    missing.push(format!("{id}: {file} {name}"));
                }
            }
        }
    }

    assert!(missing.is_empty(), "docs/security.md lacks in its rows: {missing:#?}");
}

#[test]
fn every_row_is_on_the_page_once() {
    let mut found = BTreeSet::new();
    for row in rows() {
        assert!(found.insert(row.id.clone()), "docs/security.md has {} twice", row.id);
    }

    let expected = ROOMS.iter().flat_map(|(room, last)| (1..=*last).map(move |row| format!("{room}{row}")));
    let missing: Vec<_> = expected.filter(|id| !found.contains(id)).collect();
    assert!(missing.is_empty(), "docs/security.md has no row for {missing:?}");
}

/// A row says what is done, by a test, or what has to be built first.
#[test]
fn a_row_without_a_test_says_why() {
    let bare: Vec<_> = rows().into_iter().filter(|row| row.tests.is_empty() && !row.says_why).collect();

    assert!(
        bare.is_empty(),
        "neither a test nor \"Not built yet\": {:?}",
        bare.iter().map(|row| &row.id).collect::<Vec<_>>()
    );
}

#[test]
fn every_difference_has_an_id_of_its_own() {
    let page = read("docs/differences.md");
    let ids: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("| D-")?.split(" |").next()).collect();

    assert!(!ids.is_empty());
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "an id stands twice: {ids:?}");
}

#[test]
fn no_page_names_a_place_of_one_machine() {
    for page in pages() {
        let text = read(&page);
        for place in ["/work/", "/home/", "/Users/", "/tmp/", "/root/.", "/var/", "/mnt/", "/farm/", "C:\\"] {
            assert!(!text.contains(place), "{page} names {place}");
        }
    }
}

#[test]
fn every_link_leads_to_a_file() {
    for page in pages() {
        let folder = root().join(&page).parent().expect("a page lies in a folder").to_owned();
        for target in read(&page).split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            if !target.contains("://") {
                assert!(folder.join(target).exists(), "{page} leads to {target}");
            }
        }
    }
}

/// A second implementation of cryptography has a second set of rules for what a valid key is.
#[test]
fn o15_there_is_one_cryptography_and_one_version_of_it() {
    let mut tree = Command::new(env!("CARGO"));
    tree.args([
        "tree",
        "--locked",
        "--offline",
        "--workspace",
        "--all-features",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    tree.current_dir(root());
    let tree = String::from_utf8(programs::output(&mut tree)).expect("names are text");
    let packages: BTreeSet<_> =
        tree.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>()).collect();
    let count = |name: &str| packages.iter().filter(|package| package.first() == Some(&name)).count();

    for one in ["aws-lc-rs", "aws-lc-sys", "rustls", "rustls-webpki", "der", "spki", "pkcs8", "x509-cert"] {
        assert_eq!(count(one), 1, "{one}");
    }
    for none in
        ["ring", "openssl", "openssl-sys", "rsa", "p256", "p384", "ecdsa", "ed25519-dalek", "jsonwebtoken"]
    {
        assert_eq!(count(none), 0, "{none}");
    }
}

/// One line of docs/security.md: `| T1 | .. | .. | tests |`.
struct Row {
    id: String,
    /// File and function.
    tests: BTreeSet<(String, String)>,
    says_why: bool,
}

fn rows() -> Vec<Row> {
    let page = read("docs/security.md");
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let id = cells.next().filter(|id| ids(&format!("{}_", id.to_lowercase())).len() == 1)?.to_owned();
        Some(Row { id, tests: tests_of(cells.last()?), says_why: line.contains("Not built yet") })
    });
    rows.collect()
}

/// The tests of a cell: a file in backticks, then its functions in backticks.
fn tests_of(cell: &str) -> BTreeSet<(String, String)> {
    let mut file = String::new();
    let mut tests = BTreeSet::new();
    for quoted in cell.split('`').skip(1).step_by(2) {
        if quoted.ends_with(".rs") {
            quoted.clone_into(&mut file);
        } else {
            tests.insert((file.clone(), quoted.to_owned()));
        }
    }
    tests
}

/// The ids at the beginning of a test's name: `x13_x18_a_bad_address` has two.
fn ids(name: &str) -> Vec<String> {
    name.split('_')
        .map_while(|part| {
            let number = part.get(1..)?;
            let is_id = ROOM_LETTERS.contains(part.chars().next()?)
                && !number.is_empty()
                && number.len() <= 2
                && number.bytes().all(|b| b.is_ascii_digit());
            is_id.then(|| part.to_uppercase())
        })
        .collect()
}

/// The functions of every source file of ours, by its path.
fn test_functions() -> BTreeMap<String, BTreeSet<String>> {
    let mut all = BTreeMap::new();
    for folder in ["core", "functions", "infra", "cli", "localstack", "tests"] {
        collect(&root().join(folder), &mut all);
    }
    all
}

fn collect(folder: &Path, all: &mut BTreeMap<String, BTreeSet<String>>) {
    for entry in
        fs::read_dir(folder).expect("a folder of the workspace").map(|entry| entry.expect("it can be listed"))
    {
        let path = entry.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect(&path, all);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source is text");
            let names = text.lines().filter_map(function).map(str::to_owned).collect();
            let path = path.strip_prefix(root()).expect("it lies below").display().to_string();
            all.insert(path, names);
        }
    }
}

fn function(line: &str) -> Option<&str> {
    let rest = line.trim_start().trim_start_matches("pub(crate) ").trim_start_matches("pub ");
    let rest = rest.trim_start_matches("async ").strip_prefix("fn ")?;
    rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()
}

fn pages() -> Vec<String> {
    let mut pages: Vec<_> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]
            .map(str::to_owned)
            .into();
    let docs = fs::read_dir(root().join("docs")).expect("there are documents");
    pages
        .extend(docs.map(|entry| format!("docs/{}", entry.expect("it can be listed").file_name().display())));
    pages
}

fn read(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lies in the workspace").to_owned()
}

/// The rooms that docs/security.md covers whole, each with the number of its rows: tokens, X.509, the store, the
/// serverless platform, signing keys, operations, ACME, outbound calls.
const ROOMS: [(char, usize); 8] =
    [('T', 27), ('X', 32), ('D', 16), ('L', 20), ('K', 11), ('O', 15), ('A', 24), ('N', 15)];
/// Those, and SSH, of which no row is there yet.
const ROOM_LETTERS: &str = "txdlkoans";
