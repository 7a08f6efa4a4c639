//! A user's own rules: how they override, what is said of a wrong one, and how a decision is explained.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use std::{fs, path::PathBuf};

use nightaudit::identify::{Confidence, Occasion, Query, Role, Rules, check};
use tempfile::TempDir;

const HEAD: &str = "id = \"mine\"\nname = \"Mine\"\noperator = \"Me\"\nkind = \"messenger\"\n";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn load(folder: &TempDir) -> Rules {
    Rules::load(&[folder.path().to_owned()]).unwrap()
}

fn owner_of(rules: &Rules, host: &str) -> Option<String> {
    rules.host(host).map(|entry| rules.owner(entry.owner).id.to_string())
}

/// What loading a folder with this one file says, without the folder's name.
fn complaint(name: &str, text: &str) -> String {
    let folder = folder(&[(name, text)]);
    let said = Rules::load(&[folder.path().to_owned()]).unwrap_err().to_string();
    assert!(!said.contains('\n'), "one line: {said}");
    said.replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn a_users_file_adds_and_a_file_of_the_same_name_replaces() {
    let entry = "[[host]]\nsuffix = [\"mine.example\"]\nrole = \"chat\"\nconfidence = \"high\"\nsource = \"me\"\n";
    let whatsapp = HEAD.replace("\"mine\"", "\"whatsapp\"") + entry;
    let rules = load(&folder(&[("whatsapp.toml", &whatsapp)]));
    let embedded = Rules::embedded().unwrap();
    assert_eq!(rules.len(), embedded.len());
    assert_eq!(owner_of(&rules, "a.mine.example").as_deref(), Some("whatsapp"));
    assert_eq!(owner_of(&rules, "mmg.whatsapp.net"), None, "the embedded file is gone");
    assert_ne!(rules.sha256(), embedded.sha256());
    let rules = load(&folder(&[("mine.toml", &(HEAD.to_owned() + entry))]));
    assert_eq!(rules.len(), embedded.len() + 1);
    assert_eq!(owner_of(&rules, "mmg.whatsapp.net").as_deref(), Some("whatsapp"));
}

#[test]
fn a_feature_says_when_it_uploads() {
    let feature = "\n[[feature]]\nname = \"backup\"\nhosts = [\"b.mine.example\"]\n";
    let silent = complaint("mine.toml", &(HEAD.to_owned() + feature));
    let wanted = "mine.toml:7: the feature \"backup\" does not say when it uploads: add occasion = \"once\"";
    assert!(silent.starts_with(wanted), "{silent}");
    let odd = complaint("mine.toml", &(HEAD.to_owned() + feature + "occasion = \"sometimes\"\n"));
    assert!(odd.starts_with("mine.toml:9: ") && odd.contains("sometimes") && odd.contains("`daily`"), "{odd}");
    let rules = load(&folder(&[("mine.toml", &(HEAD.to_owned() + feature + "occasion = \"daily\"\n"))]));
    let owner = rules.owner(rules.by_id("mine").unwrap());
    assert_eq!(owner.features_of("b.mine.example").next().unwrap().declared.occasion, Occasion::Daily);
    assert_eq!(owner.features_of("mine.example").count(), 0);
}

#[test]
fn on_a_tie_the_users_entry_wins_and_the_explanation_says_so() {
    let entry = "[[host]]\nexact = [\"mmg.whatsapp.net\"]\nrole = \"backup\"\nconfidence = \"low\"\nsource = \"me\"\n";
    let rules = load(&folder(&[("mine.toml", &(HEAD.to_owned() + entry))]));
    assert_eq!(owner_of(&rules, "mmg.whatsapp.net").as_deref(), Some("mine"));
    let told = rules.explain(&Query::read("mmg.whatsapp.net").unwrap());
    assert_eq!(told.why, "both match alike, and the later folder wins");
    let ids: Vec<_> = told.candidates.iter().map(|candidate| candidate.id.as_str()).collect();
    assert_eq!(ids, ["mine", "whatsapp", "whatsapp"]);
    assert_eq!((told.candidates[0].role, told.candidates[0].confidence), (Role::Backup, Confidence::Low));
    assert!(told.candidates[0].place.ends_with("mine.toml:6"), "{}", told.candidates[0].place);
}

#[test]
fn a_decision_is_explained_by_what_won() {
    let rules = Rules::embedded().unwrap();
    let why = |text: &str| rules.explain(&Query::read(text).unwrap()).why;
    assert_eq!(why("mmg.whatsapp.net"), "an exact name beats a suffix");
    assert_eq!(why("p26-content.icloud.com"), "a glob beats a suffix");
    assert_eq!(why("a.fna.whatsapp.net"), "it writes out the most: 16 characters, before 12");
    assert_eq!(why("17.57.144.20"), "/22 is the longest prefix, before /8");
    assert_eq!(why("a.b.shop.co.uk"), "no rule knows it: its bytes are posted to shop.co.uk as web");
    assert_eq!(why("198.51.100.7"), "no rule knows it: without a name its bytes stay unattributed");
    assert_eq!(
        rules.explain(&Query::read("[2001:67c:4e8::1]").unwrap()).candidates[0].entry,
        "block 2001:67c:4e8::/48"
    );
    assert_eq!(Query::read("no name at all"), None);
}

#[test]
fn a_wrong_file_is_named_with_its_line_and_what_would_mend_it() {
    let host =
        |line: &str| format!("{HEAD}[[host]]\n{line}\nrole = \"chat\"\nconfidence = \"high\"\nsource = \"me\"\n");
    let cases = [
        (HEAD.to_owned() + "colour = 1\n", "mine.toml:5: unknown field `colour`, expected one of"),
        (host("exact = [\"a.example\"]\ncolour = 1"), "mine.toml:7: unknown field `colour`"),
        (host("exact = [\"A.example\"]"), "mine.toml:6: \"A.example\" is no host name: write it in lower case"),
        (host("suffix = [\"*.a.example\"]"), "mine.toml:6: \"*.a.example\" holds a *: put it under `glob`"),
        (host(""), "mine.toml:5: an entry without names: add exact, suffix or glob"),
        (
            HEAD.to_owned()
                + "[[block]]\ncidr = [\"10.0.0.0/8\",\n \"10.0.0.0/33\"]\nrole = \"chat\"\nconfidence = \"low\"\nsource = \"me\"\n",
            "mine.toml:7: \"10.0.0.0/33\": a prefix length of 33",
        ),
        (HEAD.replace("mine", "yours"), "mine.toml:1: the id \"yours\" is not the file's name: write id = \"mine\" or"),
        (HEAD.replace("messenger", "unattributed"), "mine.toml:4: no file can be unattributed: kind is messenger"),
        (HEAD.replace("messenger", "chat"), "mine.toml:4: unknown variant `chat`, expected one of"),
        (
            HEAD.to_owned() + "shared_by = [\"nobody_such\"]\n",
            "mine.toml:5: shared_by names \"nobody_such\", and there is",
        ),
        (HEAD.to_owned() + "[[expect]]\n", "mine.toml:5: an expectation names one host or one address"),
        (HEAD.to_owned() + "[[host]\n", "mine.toml:5: "),
    ];
    for (text, expected) in cases {
        let said = complaint("mine.toml", &text);
        assert!(said.starts_with(expected), "{said}\nshould begin with\n{expected}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let missing = PathBuf::from("no/such/folder");
    let said = Rules::load(std::slice::from_ref(&missing)).unwrap_err().to_string();
    assert!(
        said.starts_with("no/such/folder: ") && said.ends_with("name a readable folder of .toml rule files"),
        "{said}"
    );
    assert!(check(&missing).is_err());
}

#[test]
fn checking_a_folder_lists_every_fault() {
    let broken = folder(&[("a.toml", "id = 1\n"), ("b.toml", "nonsense\n")]);
    assert_eq!(check(broken.path()).unwrap().faults.len(), 2);

    let wrong = "[[host]]\nexact = [\"a.example\"]\nrole = \"chat\"\nconfidence = \"high\"\nsource = \"me\"\n\
                 [[expect]]\nhost = \"a.example\"\nrole = \"media\"\n\
                 [[expect]]\nhost = \"b.example\"\n\
                 [[expect]]\nhost = \"a.example\"\n";
    let twice = wrong.lines().take(5).collect::<Vec<_>>().join("\n");
    let head = HEAD.replace("mine", "other");
    let folder = folder(&[("mine.toml", &(HEAD.to_owned() + wrong)), ("other.toml", &(head + &twice))]);
    let found = check(folder.path()).unwrap();
    assert_eq!(found.files, 2);
    let faults: Vec<_> =
        found.faults.iter().map(|fault| fault.replace(&format!("{}/", folder.path().display()), "")).collect();
    assert_eq!(
        faults,
        [
            "mine.toml:10: a.example should be mine (media), and the rules say mine (chat)",
            "mine.toml:13: b.example should be mine, and the rules say none",
            "mine.toml:6: exact a.example is also claimed in other.toml:6; leave it in one",
        ]
    );
}

#[test]
fn a_users_rule_that_breaks_an_embedded_expectation_is_a_fault() {
    let entry =
        "[[host]]\nexact = [\"legy-backup.line-apps.com\"]\nrole = \"backup\"\nconfidence = \"low\"\nsource = \"me\"\n";
    let folder = folder(&[("mine.toml", &(HEAD.to_owned() + entry))]);
    let found = check(folder.path()).unwrap();
    assert_eq!(found.faults.len(), 1);
    let expected = "legy-backup.line-apps.com should be line (chat), and the rules say mine (backup)";
    assert!(found.faults[0].ends_with(expected), "{}", found.faults[0]);
}

#[test]
fn a_hundred_thousand_rules_find_the_one_that_fits() {
    let quoted = |n: u32| format!("\"p{n}-*.host{}.example\"", n % 10);
    let globs = (0..50_000).map(quoted).collect::<Vec<_>>().join(", ");
    let suffixes = (0..50_000).map(|n| format!("\"s{n}.example\"")).collect::<Vec<_>>().join(", ");
    let text = format!(
        "{HEAD}[[host]]\nglob = [{globs}]\nsuffix = [{suffixes}]\nrole = \"chat\"\nconfidence = \"low\"\nsource = \"me\"\n"
    );
    let rules = load(&folder(&[("mine.toml", &text)]));
    assert_eq!(owner_of(&rules, "p49999-x.host9.example").as_deref(), Some("mine"));
    assert_eq!(owner_of(&rules, "p49999-x.host8.example"), None);
    assert_eq!(owner_of(&rules, "deep.s31415.example").as_deref(), Some("mine"));
    let hostile = "p1-".repeat(80) + ".host1.example";
    assert_eq!(owner_of(&rules, &hostile).as_deref(), Some("mine"));
}
