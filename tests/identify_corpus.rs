//! Names that real captures carry, against what an independent inspection of the same flows called them.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
};

use nightaudit::{base::text::host_name, identify::Rules};
use serde_json::Value;

/// What the inspection's label may be here; labels that no rule file stands for are not judged.
const LABELS: &[(&str, &[&str])] = &[
    ("WhatsApp", &["whatsapp"]),
    ("WhatsAppFiles", &["whatsapp"]),
    ("Telegram", &["telegram"]),
    ("Line", &["line"]),
    ("KakaoTalk", &["kakaotalk"]),
    ("QQ", &["qq", "wechat", "tencent"]),
    ("DingTalk", &["dingtalk"]),
    ("Discord", &["discord"]),
    ("Slack", &["slack"]),
    ("VK", &["vk"]),
    ("Teams", &["teams", "skype"]),
    ("Skype_Teams", &["skype", "teams"]),
    ("Zoom", &["zoom"]),
    ("Webex", &["webex"]),
    ("Snapchat", &["snapchat"]),
    ("Instagram", &["instagram", "facebook"]),
    ("Threads", &["instagram"]),
    ("Facebook", &["facebook", "messenger", "instagram"]),
    ("FbookReelStory", &["facebook", "instagram"]),
    ("FacebookMessenger", &["messenger", "facebook"]),
    ("GoogleChat", &["google_chat"]),
    ("GoogleMeet", &["google_meet"]),
    ("AppleiCloud", &["icloud", "apple"]),
    ("ApplePush", &["apple_push"]),
    ("Apple", &["apple", "icloud", "imessage"]),
    ("Dropbox", &["dropbox"]),
    ("MS_OneDrive", &["onedrive"]),
    ("GoogleDrive", &["google_drive"]),
];

/// Where this project's reading differs, and why.
const DIFFERS: &[(&str, &str)] = &[
    ("gate.hockeyapp.net", "Microsoft's crash reports, in other makers' apps too"),
    ("api.microsoftstream.com", "Microsoft Stream, which Teams embeds"),
    ("euno-1.api.microsoftstream.com", "Microsoft Stream, which Teams embeds"),
    ("e4593.g.akamaiedge.net", "a bare name of a content network"),
    ("captive.apple.com.edgekey.net", "a bare name of a content network"),
];

fn corpus() -> Option<PathBuf> {
    let root = env::var_os("NIGHTAUDIT_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    let expected = root.join("expected");
    expected.is_dir().then_some(expected)
}

/// Each host name with the labels of the flows that carried it.
fn labelled(folder: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(text) = fs::read_to_string(entry.path()) else { continue };
        let record: Value = serde_json::from_str(&text).unwrap_or_default();
        for flow in record["ndpi"]["flows"].as_array().into_iter().flatten() {
            let label = flow["detected"].as_str().and_then(|label| label.rsplit('.').next());
            let host = flow["hostname"].as_str().and_then(|host| host_name(host.as_bytes()));
            if let (Some(label), Some(host)) = (label, host.filter(|host| host.parse::<std::net::IpAddr>().is_err())) {
                names.entry(host).or_default().insert(label.to_owned());
            }
        }
    }
    names
}

#[test]
fn the_rules_call_real_names_what_an_independent_inspection_calls_them() {
    let Some(folder) = corpus() else {
        println!("skipped: no corpus (set NIGHTAUDIT_CORPUS)");
        return;
    };
    let rules = Rules::embedded().unwrap();
    let (mut judged, mut wrong, mut differing) = (0, Vec::new(), BTreeSet::new());
    for (host, labels) in labelled(&folder) {
        let Some((label, accepted)) = LABELS.iter().find(|(label, _)| labels.contains(*label)) else { continue };
        judged += 1;
        let id = rules.host(&host).map(|entry| rules.owner(entry.owner).id.to_string()).unwrap_or_default();
        if accepted.contains(&id.as_str()) {
            continue;
        }
        if !DIFFERS.iter().any(|(name, _)| *name == host) {
            wrong.push(format!("{host}: inspected as {label}, the rules say {id:?}"));
        }
        differing.insert(host);
    }
    let stale =
        DIFFERS.iter().filter(|(name, _)| !differing.contains(*name)).map(|(name, why)| format!("{name} ({why})"));
    assert_eq!(stale.collect::<Vec<_>>(), [""; 0], "these no longer differ");
    assert!(judged > 60, "only {judged} names were judged: the corpus is no longer read");
    assert!(wrong.is_empty(), "{} of {judged}:\n{}", wrong.len(), wrong.join("\n"));
}
