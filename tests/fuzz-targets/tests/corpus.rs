//! The committed corpus of every fuzz target, through the same functions, without a fuzzer.
#![expect(clippy::unwrap_used, reason = "this is a test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use stepless_fuzz_targets::{TARGETS, renew};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

#[test]
fn no_input_of_the_corpus_panics() {
    for (name, target) in TARGETS {
        let inputs = files(&fuzz().join("corpus").join(name));
        assert!(inputs.len() > 2, "{name} has a corpus");
        for input in inputs {
            println!("{}", input.display());
            target(&fs::read(&input).unwrap());
        }
    }
}

#[test]
fn every_target_is_fuzzed_and_has_a_corpus() {
    let stems = |folder: &str| -> BTreeSet<String> {
        let files = files(&fuzz().join(folder));
        files.iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    };
    let names: BTreeSet<_> = TARGETS.map(|(name, _)| name.to_owned()).into();

    assert_eq!(stems("targets"), names);
    assert_eq!(stems("corpus"), names);
}

/// Inputs that are all refused at the door would find nothing behind it.
#[test]
fn the_valid_renewal_token_of_the_corpus_renews() {
    let lines = fs::read_to_string(fuzz().join("corpus/renew_token/valid.txt")).unwrap();

    assert!(renew(&lines).is_ok(), "{:?}", renew(&lines).err());
    let other = lines.replace("leaf.example", "other.example");
    assert_eq!(renew(&other).unwrap_err().to_string(), "the token was refused");
}
