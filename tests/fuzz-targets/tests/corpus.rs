//! The committed corpus of every fuzz target, through the same functions, without a fuzzer.
#![expect(clippy::unwrap_used, reason = "this is a test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use stepless_core::jose::{AcmeKey, FlattenedJws, MacJws};
use stepless_core::secret::SecretBytes;
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

#[test]
fn the_requests_and_the_binding_of_the_corpus_hold() {
    let read = |name: &str| fs::read(fuzz().join("corpus/acme_jws").join(name)).unwrap();
    let binding = MacJws::parse(&read("binding.json")).unwrap();

    for name in ["new_account.json", "general.json"] {
        let request = FlattenedJws::parse(&read(name)).unwrap();
        let AcmeKey::Jwk(jwk) = &request.header().key else { panic!("{name} brings its key") };

        assert!(request.verify(jwk.public_key()).is_ok(), "{name}");
        let secret = SecretBytes::new(b"correct-horse".to_vec());
        assert_eq!(binding.verify_account_key(&secret, jwk.public_key()), Ok(()));
    }
}
