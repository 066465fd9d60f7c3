//! docs/configuration.md and the tables that it speaks of cannot drift apart.

use std::collections::BTreeSet;

use super::*;
use crate::config::schema::{CA, CLAIMS, Field, Shape, provisioner_fields};
use crate::x509::ProvisionerKind;

const DOCUMENT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md"));
const BEGIN: &str = "<!-- unbuilt: begin -->\n";
const END: &str = "<!-- unbuilt: end -->\n";

#[test]
fn the_page_shows_this_table() {
    let (_, after) = DOCUMENT.split_once(BEGIN).unwrap();
    let (shown, _) = after.split_once(END).unwrap();

    let table = table();

    assert!(shown == table, "docs/configuration.md should have between its marks:\n\n{table}");
}

#[test]
fn the_page_names_every_key() {
    let mut keys = Vec::new();
    collect(CA, "", &mut keys);
    collect(CLAIMS, "", &mut keys);

    let missing: Vec<_> = keys
        .iter()
        .filter(|(path, name)| ![path, *name].iter().any(|key| DOCUMENT.contains(&format!("`{key}`"))))
        .map(|(path, _)| path)
        .collect();

    assert_eq!(missing, Vec::<&String>::new());
}

#[test]
fn the_page_names_the_keys_of_every_kind_of_provisioner() {
    let everywhere = ["type", "name", "claims", "options"];
    let served = [ProvisionerKind::Jwk, ProvisionerKind::Acme];
    for kind in ProvisionerKind::ALL.into_iter().filter(|kind| !served.contains(kind)) {
        let row = DOCUMENT.lines().find_map(|line| line.strip_prefix(&format!("| `{}` | ", kind.name())));
        let named = row.unwrap_or_else(|| panic!("{kind} has no row")).split('`').skip(1).step_by(2);

        let known = provisioner_fields(kind).iter().map(|field| field.name);
        assert_eq!(
            named.filter(|name| !everywhere.contains(name)).collect::<BTreeSet<_>>(),
            known.filter(|name| !everywhere.contains(name)).collect(),
            "{kind}"
        );
    }
    for kind in served {
        let heading = format!("\n| key of a provisioner of type {kind} | ");
        let (_, section) = DOCUMENT.split_once(&heading).unwrap_or_else(|| panic!("{kind} has no table"));
        let section = section.split("\n### ").next().unwrap_or_default();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
        let described: Vec<&str> = rows.map(|(keys, _)| keys).collect();
        let mut keys = Vec::new();
        collect(provisioner_fields(kind), "", &mut keys);
        for (path, _) in keys.iter().filter(|(path, _)| is_described_here(path, &keys)) {
            assert!(described.iter().any(|keys| keys.contains(&format!("`{path}`"))), "{kind}: {path}");
        }
    }
}

/// Claims and options have places of their own, and what only holds other keys needs no row beside theirs.
fn is_described_here(path: &str, keys: &[(String, &str)]) -> bool {
    let is_elsewhere = ["claims.", "options."].iter().any(|elsewhere| path.starts_with(elsewhere));
    let above = format!("{path}.");
    let holds_keys =
        !["claims", "options"].contains(&path) && keys.iter().any(|(key, _)| key.starts_with(&above));
    !is_elsewhere && !holds_keys
}

fn table() -> String {
    let mut table = "| what asks for it | what happens | why |\n| --- | --- | --- |\n".to_owned();
    for Row { path, asked, verdict, reason } in ROWS {
        let words =
            |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        let asked = match asked {
            BySaying => String::new(),
            ByHolding => " with any member".to_owned(),
            By(allowed) => format!(": {}", words(allowed)),
            ByOtherKmsUri => ": a URI of a key elsewhere".to_owned(),
        };
        let verdict = match verdict {
            Warn => "warning",
            RefuseStart => "**the start is refused**",
            RefuseProvisioner => "**that provisioner refuses**",
        };
        table += &format!("| `{path}`{asked} | {verdict} | {reason} |\n");
    }
    table
}

/// Path and name of every key below `fields`.
pub(super) fn collect(fields: &'static [Field], above: &str, keys: &mut Vec<(String, &'static str)>) {
    for field in fields {
        let path = if above.is_empty() { field.name.to_owned() } else { format!("{above}.{}", field.name) };
        keys.push((path.clone(), field.name));
        let mut shape = &field.shape;
        while let Shape::List(element) | Shape::Named(element) = shape {
            shape = element;
        }
        if let Shape::Object(members) = shape {
            collect(members, &path, keys);
        }
    }
}
