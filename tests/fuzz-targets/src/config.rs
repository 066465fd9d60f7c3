//! Configurations: the strict reading takes nothing that the lenient one refuses.

use stepless_core::config::CaConfig;
use stepless_core::provisioner::Provisioners;

/// [`CaConfig`], and its provisioners in the list that clients see.
pub fn ca_json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let strict = CaConfig::parse_strict(text);
    let (config, warnings) = match CaConfig::parse(text) {
        Ok(read) => read,
        Err(error) => {
            assert!(strict.is_err(), "{error}");
            return;
        }
    };
    let _ = format!("{config:?} {warnings:?}");
    let Ok(provisioners) = Provisioners::from_config(&config) else { return };
    let _ = format!("{provisioners:?}");

    // The pages together are the list.
    let (mut listed, mut cursor) = (0, String::new());
    loop {
        let (page, next) = provisioners.page(&cursor, 3);
        listed += page.len();
        if next.is_empty() {
            break;
        }
        assert!(!page.is_empty(), "an empty page leads nowhere");
        cursor = next;
    }
    assert_eq!(listed, provisioners.iter().count());
}
