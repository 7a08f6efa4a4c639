//! Notices: to a real server on loopback, a real program and a stand-in for sendmail; and never a flood.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

use std::{
    collections::BTreeMap,
    fs,
    io::{BufReader, Write as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc},
    thread,
};

use nightaudit::{
    base::{Bytes, Stamp},
    night::{Grade, Verdict},
    report::{Key, Redaction, Standing},
    schedule::{
        News, Report, notices_file,
        notify::{Book, Carrier, Delivered, Fate, Means, Message, Notice, Notifier, Options, Secret, signature},
    },
};
use proptest::prelude::*;
use tempfile::TempDir;

/// 2 June 2026, 07:00 UTC.
const SEVEN: Stamp = Stamp::new(1_780_383_600, 0);
const DAY: u64 = 86_400;
const SECRET: &str = "a secret that nobody logs";
/// What a name from the wire may try.
const HOSTILE: &str = "a\u{1b}[2J\u{202e}\n$(touch owned)`id`\";rm -rf /;\u{0}<script>=cmd()";

fn news(subject: &str, before: Option<Verdict>, now: Verdict) -> News {
    let now = Standing {
        device: "02:00:00:00:07:17".into(),
        label: Some("Ana's phone".into()),
        subject: subject.into(),
        name: subject.into(),
        verdict: now,
        grade: Some(Grade::Strong),
        nights: 28,
        worst_night: Some(Bytes::mb(58)),
    };
    News { before, now }
}

fn report(news: Vec<News>, due: Stamp) -> Report {
    let files = vec![PathBuf::from("/var/lib/nightaudit/reports/nightaudit-morning-2026-06-02.html")];
    Report { plan: "morning".into(), due, files, removed: Vec::new(), standings: Vec::new(), news }
}

fn export(subject: &str) -> Report {
    report(vec![news(subject, Some(Verdict::Routine), Verdict::ExportLike)], SEVEN)
}

fn options(text: &str) -> Options {
    toml::from_str(&format!("timeout_seconds = 1\n{text}")).expect("options")
}

/// One request, as a server saw it.
#[derive(Debug)]
struct Request {
    headers: BTreeMap<String, String>,
    body: String,
}

/// A server on loopback that gives each of `answers` once, the last for ever; `None` hangs.
fn server(answers: &'static [Option<&'static str>]) -> (String, mpsc::Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook?token=hidden", listener.local_addr().unwrap());
    let (sent, seen) = mpsc::channel();
    thread::spawn(move || {
        let mut open = Vec::new();
        for (n, stream) in listener.incoming().enumerate() {
            let mut stream = BufReader::new(stream.unwrap());
            let Some(request) = request(&mut stream) else { continue };
            let answer = answers[n.min(answers.len() - 1)];
            if sent.send(request).is_err() {
                break;
            }
            match answer {
                Some(answer) => write!(stream.get_mut(), "HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n").unwrap(),
                None => open.push(stream),
            }
        }
    });
    (url, seen)
}

fn request(stream: &mut impl std::io::BufRead) -> Option<Request> {
    let mut headers = BTreeMap::new();
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
    headers.insert(String::new(), line.trim_end().to_owned());
    loop {
        line.clear();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    stream.read_exact(&mut body).ok()?;
    Some(Request { headers, body: String::from_utf8(body).ok()? })
}

fn webhook(url: &str, folder: &Path) -> Notifier {
    Notifier::new(options(&format!("webhook = '{url}'")), Secret::of_text(SECRET), None, folder)
}

#[test]
fn a_change_is_posted_once_and_signed() {
    let folder = TempDir::new().unwrap();
    let (url, seen) = server(&[Some("204 No Content")]);
    let notifier = webhook(&url, folder.path());
    notifier.offer(&export("WhatsApp"), SEVEN).unwrap();
    let delivered = notifier.deliver(SEVEN).unwrap();
    assert!(matches!(&delivered[..], [Delivered::Taken { means: Means::Webhook, .. }]), "{delivered:?}");
    let request = seen.recv().unwrap();
    assert!(request.headers[""].starts_with("POST /hook?token=hidden "), "{request:?}");
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(request.headers["nightaudit-event"], "verdict-change");
    let time: u64 = request.headers["nightaudit-timestamp"].parse().unwrap();
    assert_eq!(time, SEVEN.seconds());
    let secret = Secret::of_text(SECRET).unwrap();
    assert_eq!(request.headers["nightaudit-signature"], signature(&secret, time, request.body.as_bytes()));
    assert_ne!(request.headers["nightaudit-signature"], signature(&secret, time + 1, request.body.as_bytes()));
    let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(body["id"], request.headers["nightaudit-id"]);
    assert_eq!((&body["schema"], &body["event"]), (&1.into(), &"verdict-change".into()));
    assert_eq!(
        (&body["before"], &body["verdict"], &body["grade"]),
        (&"routine".into(), &"export-like".into(), &"strong".into())
    );
    assert_eq!((&body["device"]["label"], &body["worst_night"]), (&"Ana's phone".into(), &58_000_000.into()));
    assert_eq!(body["time"], "2026-06-02T07:00:00Z");
    assert!(notifier.deliver(SEVEN.plus_seconds(DAY)).unwrap().is_empty());
    assert_eq!(notifier.next(SEVEN), None);
}

#[test]
fn the_signature_is_the_hmac_that_anybody_can_compute() {
    // printf '1780383600.{}' | openssl dgst -sha256 -hmac key
    let key = Secret::of_text("key").unwrap();
    let expected = "sha256=a7eeb327f00f9aa744e92355bb5867944c3d2de71ba0a10674abb3e2700d457f";
    assert_eq!(signature(&key, 1_780_383_600, b"{}"), expected);
}

#[test]
fn a_server_that_fails_is_tried_again_with_growing_pauses_until_it_takes_it() {
    let folder = TempDir::new().unwrap();
    let (url, seen) = server(&[Some("500 Oops"), Some("503 Busy"), Some("200 OK")]);
    let notifier = webhook(&url, folder.path());
    notifier.offer(&export("WhatsApp"), SEVEN).unwrap();
    let (mut now, mut pauses, mut ids) = (SEVEN, Vec::new(), Vec::new());
    loop {
        let delivered = notifier.deliver(now).unwrap();
        ids.push(seen.recv().unwrap().headers["nightaudit-id"].clone());
        match &delivered[..] {
            [Delivered::Later { next, why, .. }] => {
                assert!(why.contains("answered 50") && !why.contains("hidden"), "{why}");
                assert_eq!(notifier.next(now), Some(*next));
                assert!(notifier.deliver(Stamp::new(next.seconds() - 1, 0)).unwrap().is_empty());
                pauses.push(next.since(now) / 1_000_000_000);
                now = *next;
            }
            [Delivered::Taken { .. }] => break,
            other => unreachable!("{other:?}"),
        }
    }
    assert!((15..=30).contains(&pauses[0]) && (30..=60).contains(&pauses[1]), "{pauses:?}");
    assert!(ids.iter().all(|id| *id == ids[0]), "a receiver knows the notice again: {ids:?}");
}

#[test]
fn a_server_may_ask_for_a_pause() {
    let folder = TempDir::new().unwrap();
    let (url, _seen) = server(&[Some("429 Slow down\r\nRetry-After: 900")]);
    let notifier = webhook(&url, folder.path());
    notifier.offer(&export("WhatsApp"), SEVEN).unwrap();
    let delivered = notifier.deliver(SEVEN).unwrap();
    assert!(
        matches!(&delivered[..], [Delivered::Later { next, .. }] if *next == SEVEN.plus_seconds(900)),
        "{delivered:?}"
    );
}

#[test]
fn a_server_that_hangs_or_is_not_there_costs_one_attempt_however_much_waits() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (hangs, _seen) = server(&[None]);
    for url in [hangs, format!("http://{nobody}/hook?token=hidden")] {
        let folder = TempDir::new().unwrap();
        let notifier = webhook(&url, folder.path());
        for subject in ["WhatsApp", "Signal", "Telegram"] {
            notifier.offer(&export(subject), SEVEN).unwrap();
        }
        let delivered = notifier.deliver(SEVEN).unwrap();
        assert!(matches!(&delivered[..], [Delivered::Later { why, .. }] if !why.contains("hidden")), "{delivered:?}");
        assert!(notifier.next(SEVEN).is_some_and(|next| next > SEVEN));
    }
}

#[test]
fn a_server_that_sends_elsewhere_is_not_followed() {
    let folder = TempDir::new().unwrap();
    let (other, seen_there) = server(&[Some("200 OK")]);
    let answer: &'static str = Box::leak(format!("307 Elsewhere\r\nLocation: {other}").into_boxed_str());
    let answers: &'static [Option<&'static str>] = Box::leak(vec![Some(answer)].into_boxed_slice());
    let (url, _seen) = server(answers);
    let notifier = webhook(&url, folder.path());
    notifier.offer(&export("WhatsApp"), SEVEN).unwrap();
    let delivered = notifier.deliver(SEVEN).unwrap();
    assert!(
        matches!(&delivered[..], [Delivered::Later { why, .. }] if why.contains("sends elsewhere")),
        "{delivered:?}"
    );
    assert!(seen_there.try_recv().is_err());
}

#[test]
fn what_waits_survives_a_restart_and_is_its_owners_alone() {
    let folder = TempDir::new().unwrap();
    let (url, seen) = server(&[Some("500 Oops"), Some("200 OK")]);
    let first = webhook(&url, folder.path());
    first.offer(&export("WhatsApp"), SEVEN).unwrap();
    first.deliver(SEVEN).unwrap();
    drop(first);
    let path = notices_file(folder.path());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!fs::read_to_string(&path).unwrap().contains(SECRET));
    let second = webhook(&url, folder.path());
    let delivered = second.deliver(SEVEN.plus_seconds(60)).unwrap();
    assert!(matches!(&delivered[..], [Delivered::Taken { .. }]), "{delivered:?}");
    let ids: Vec<_> = seen.iter().take(2).map(|request| request.headers["nightaudit-id"].clone()).collect();
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn a_broken_file_of_notices_is_an_error_that_names_it_and_not_a_silence() {
    let folder = TempDir::new().unwrap();
    fs::write(notices_file(folder.path()), "Dear diary").unwrap();
    let notifier = webhook("http://127.0.0.1:9/", folder.path());
    let error = notifier.deliver(SEVEN).unwrap_err().to_string();
    assert!(error.contains("notices.json") && error.contains("move it away"), "{error}");
}

#[test]
fn only_changes_from_or_to_what_was_asked_for_are_told() {
    use Verdict::{BackupLike, ExportLike, Routine, SmallRecurrent};
    let told = |before, now| {
        let folder = TempDir::new().unwrap();
        let (notifier, log) = scripted(folder.path(), "", Vec::new());
        notifier.offer(&report(vec![news("WhatsApp", before, now)], SEVEN), SEVEN).unwrap();
        notifier.deliver(SEVEN).unwrap();
        log.lock().unwrap().len() == 1
    };
    assert!(told(None, ExportLike) && told(Some(Routine), ExportLike) && told(Some(ExportLike), Routine));
    assert!(!told(Some(Routine), SmallRecurrent) && !told(None, BackupLike));
}

#[test]
fn a_redacted_notice_names_no_device() {
    let folder = TempDir::new().unwrap();
    let log = Arc::new(Mutex::new(Vec::new()));
    let carrier = Script { fates: Mutex::new(Vec::new()), log: Arc::clone(&log) };
    let options = options("webhook = 'http://127.0.0.1/'\nredact = true");
    let notifier = Notifier::through(Box::new(carrier), options, Some(Key([7; 32])), folder.path());
    notifier.offer(&export("WhatsApp"), SEVEN).unwrap();
    notifier.deliver(SEVEN).unwrap();
    let told = log.lock().unwrap()[0].1.json();
    assert!(told.contains("device-") && !told.contains("02:00:00") && !told.contains("Ana"), "{told}");
    let kept = fs::read_to_string(notices_file(folder.path())).unwrap();
    assert!(!kept.contains("02:00:00") && !kept.contains("Ana"), "{kept}");
}

/// A program that writes down what it is given.
fn program(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("tell-me");
    fs::write(&path, format!("#!/bin/sh\ncd '{}'\n{script}\n", folder.display())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn a_command_gets_the_notice_and_a_hostile_name_is_only_text() {
    let folder = TempDir::new().unwrap();
    let script = "cat > stdin; env | grep NIGHTAUDIT_ > environment; echo \"$NIGHTAUDIT_NOTICE_SUBJECT\" > subject; echo \"$*\" > arguments";
    let path = program(folder.path(), script);
    let options = options(&format!("command = ['{}', '--flag', 'two words']", path.display()));
    let notifier = Notifier::new(options, Secret::of_text(SECRET), None, folder.path());
    let mut change = news(HOSTILE, Some(Verdict::Routine), Verdict::ExportLike);
    change.now.label = Some(HOSTILE.to_owned());
    notifier.offer(&report(vec![change], SEVEN), SEVEN).unwrap();
    let delivered = notifier.deliver(SEVEN).unwrap();
    assert!(matches!(&delivered[..], [Delivered::Taken { means: Means::Command, .. }]), "{delivered:?}");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("arguments"), "--flag two words\n");
    let body: serde_json::Value = serde_json::from_str(&read("stdin")).unwrap();
    assert_eq!(body["verdict"], "export-like");
    for text in [read("stdin"), read("environment"), read("subject")] {
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\0']) && !text.contains(SECRET), "{text:?}");
    }
    assert_eq!(read("subject").lines().count(), 1);
    assert!(read("environment").contains("NIGHTAUDIT_NOTICE_VERDICT=export-like"), "{}", read("environment"));
    assert!(!folder.path().join("owned").exists(), "nothing of a name is ever run");
}

#[test]
fn a_command_that_hangs_fails_or_is_not_there_is_tried_again() {
    for (script, why) in [("sleep 60", "did not end within 1 seconds"), ("exit 3", "3")] {
        let folder = TempDir::new().unwrap();
        let path = program(folder.path(), script);
        let notifier = Notifier::new(options(&format!("command = ['{}']", path.display())), None, None, folder.path());
        notifier.offer(&export("WhatsApp"), SEVEN).unwrap();
        let delivered = notifier.deliver(SEVEN).unwrap();
        assert!(matches!(&delivered[..], [Delivered::Later { why: said, .. }] if said.contains(why)), "{delivered:?}");
    }
    let folder = TempDir::new().unwrap();
    let notifier = Notifier::new(options("command = ['/nonexistent/tell-me']"), None, None, folder.path());
    notifier.offer(&export("WhatsApp"), SEVEN).unwrap();
    let delivered = notifier.deliver(SEVEN).unwrap();
    assert!(
        matches!(&delivered[..], [Delivered::Later { why, .. }] if why.contains("cannot be started")),
        "{delivered:?}"
    );
}

#[test]
fn a_command_that_does_not_read_its_input_takes_a_long_digest_all_the_same() {
    let folder = TempDir::new().unwrap();
    let path = program(folder.path(), "exit 0");
    let notifier =
        Notifier::new(options(&format!("daily = 1\ncommand = ['{}']", path.display())), None, None, folder.path());
    let many = (0..200).map(|n| news(&format!("{n} {}", "x".repeat(60)), None, Verdict::ExportLike)).collect();
    notifier.offer(&report(many, SEVEN), SEVEN).unwrap();
    assert_eq!(notifier.deliver(SEVEN.plus_seconds(DAY)).unwrap().len(), 2, "one notice, one digest");
}

#[test]
fn mail_is_a_letter_in_which_a_hostile_name_becomes_no_header() {
    let folder = TempDir::new().unwrap();
    let path = program(folder.path(), "echo \"$*\" > arguments; cat > letter");
    let text = format!(
        "mail = ['ana@example.org', 'bo@example.org']\nmail_from = 'audit@example.org'\nsendmail = '{}'",
        path.display()
    );
    let notifier = Notifier::new(options(&text), None, None, folder.path());
    let mut change = news("WhatsApp\nBcc: everybody@example.org", None, Verdict::ExportLike);
    change.now.label = Some("Jürgens Handy".to_owned());
    notifier.offer(&report(vec![change], SEVEN), SEVEN).unwrap();
    let delivered = notifier.deliver(SEVEN).unwrap();
    assert!(matches!(&delivered[..], [Delivered::Taken { means: Means::Mail, .. }]), "{delivered:?}");
    assert_eq!(fs::read_to_string(folder.path().join("arguments")).unwrap(), "-t -i\n");
    let letter = fs::read_to_string(folder.path().join("letter")).unwrap();
    let (head, text) = letter.split_once("\n\n").unwrap();
    for line in ["From: audit@example.org", "To: ana@example.org,", " bo@example.org", "Auto-Submitted: auto-generated"]
    {
        assert!(head.lines().any(|one| one == line), "{line} in {head}");
    }
    assert!(head.contains("Date: Tue, 2 Jun 2026 07:00:00 +0000") && head.contains("Subject: =?UTF-8?Q?"), "{head}");
    assert!(head.is_ascii() && !letter.lines().any(|line| line.starts_with("Bcc")), "{letter}");
    assert!(text.contains("on Jürgens Handy: export-like (strong); before: nothing"), "{text}");
    assert!(text.contains("58") && text.contains("nightaudit-morning-2026-06-02.html"), "{text}");
}

/// Carries nothing anywhere: gives each fate in turn, then takes everything, and writes down what it was given.
#[derive(Debug)]
struct Script {
    fates: Mutex<Vec<Fate>>,
    log: Log,
}

type Log = Arc<Mutex<Vec<(Stamp, Message)>>>;

impl Carrier for Script {
    fn carry(&self, _: Means, message: &Message, now: Stamp) -> Fate {
        let fate = self.fates.lock().unwrap().pop().unwrap_or(Fate::Taken);
        if fate == Fate::Taken {
            self.log.lock().unwrap().push((now, message.clone()));
        }
        fate
    }
}

fn scripted(folder: &Path, text: &str, mut fates: Vec<Fate>) -> (Notifier, Log) {
    let log = Log::default();
    fates.reverse();
    let carrier = Script { fates: Mutex::new(fates), log: Arc::clone(&log) };
    let options = options(&format!("webhook = 'http://127.0.0.1/'\n{text}"));
    (Notifier::through(Box::new(carrier), options, None, folder), log)
}

#[test]
fn a_flood_becomes_a_days_cap_and_one_digest_the_day_after() {
    let folder = TempDir::new().unwrap();
    let (notifier, log) = scripted(folder.path(), "daily = 3", Vec::new());
    let many = (0..50).map(|n| news(&format!("app {n}"), None, Verdict::ExportLike)).collect();
    notifier.offer(&report(many, SEVEN), SEVEN).unwrap();
    notifier.deliver(SEVEN).unwrap();
    assert_eq!(log.lock().unwrap().len(), 3);
    let next = notifier.next(SEVEN).unwrap();
    assert_eq!(next, Stamp::new((SEVEN.seconds() / DAY + 1) * DAY, 0), "at midnight UTC");
    notifier.deliver(next).unwrap();
    let log = log.lock().unwrap();
    assert_eq!(log.len(), 4);
    assert_eq!(log[3].1.notices().len(), 47);
    assert!(log[3].1.json().contains("\"event\": \"digest\"") && log[3].1.text().lines().count() > 47);
}

#[test]
fn a_verdict_that_flaps_is_told_once_a_day_at_most() {
    let folder = TempDir::new().unwrap();
    let (notifier, log) = scripted(folder.path(), "", Vec::new());
    let (mut now, mut before) = (SEVEN, Verdict::Routine);
    for _ in 0..(24 * 4) {
        let after = if before == Verdict::Routine { Verdict::ExportLike } else { Verdict::Routine };
        notifier.offer(&report(vec![news("WhatsApp", Some(before), after)], now), now).unwrap();
        notifier.deliver(now).unwrap();
        (now, before) = (now.plus_seconds(3_600), after);
    }
    let log = log.lock().unwrap();
    let single = log.iter().filter(|(_, message)| matches!(message, Message::VerdictChange(_))).count();
    assert!(single <= 5 && log.len() <= 10, "{} of {}", single, log.len());
}

#[test]
fn two_schedules_that_see_the_same_change_tell_it_once() {
    let folder = TempDir::new().unwrap();
    let (notifier, log) = scripted(folder.path(), "", Vec::new());
    for plan in ["morning", "weekly"] {
        notifier.offer(&Report { plan: plan.into(), ..export("WhatsApp") }, SEVEN).unwrap();
    }
    notifier.deliver(SEVEN).unwrap();
    assert_eq!(log.lock().unwrap().len(), 1);
    assert_eq!(notifier.next(SEVEN), None, "nor does it wait for a digest");
}

#[test]
fn a_receiver_that_never_comes_back_is_given_up_after_days() {
    let folder = TempDir::new().unwrap();
    let away = Fate::Away { why: "away".into(), pause: None };
    let (notifier, _log) = scripted(folder.path(), "", vec![away; 100]);
    notifier.offer(&export("WhatsApp"), SEVEN).unwrap();
    let (mut now, mut last) = (SEVEN, None);
    while let Some(next) = notifier.next(now) {
        now = next;
        last = notifier.deliver(now).unwrap().pop();
    }
    assert!(matches!(last, Some(Delivered::GivenUp { .. })), "{last:?}");
    assert!((DAY / 2..4 * DAY).contains(&(now.since(SEVEN) / 1_000_000_000)), "{now}");
}

#[test]
fn years_without_a_receiver_do_not_fill_the_disk() {
    let folder = TempDir::new().unwrap();
    let away = Fate::Away { why: "away".into(), pause: Some(u64::MAX) };
    let (notifier, _log) = scripted(folder.path(), "daily = 1000", vec![away; 10_000]);
    for day in 0..4 {
        let now = SEVEN.plus_seconds(day * DAY);
        let many = (0..900).map(|n| news(&format!("app {n}"), Some(Verdict::Routine), Verdict::ExportLike)).collect();
        notifier.offer(&report(many, now), now).unwrap();
        notifier.deliver(now).unwrap();
    }
    let book: Book = serde_json::from_slice(&fs::read(notices_file(folder.path())).unwrap()).unwrap();
    let (waiting, _, given_up) = book.counts();
    assert!(waiting <= 1_000 && given_up >= 2_600, "{waiting} {given_up}");
}

proptest! {
    /// Whatever a receiver does, every change is told exactly once, by itself or in a digest, and no day sends more than
    /// its cap.
    #[test]
    fn every_change_is_told_once_and_no_day_sends_more_than_its_cap(
        daily in 1_u32..6,
        offers in prop::collection::vec((0_usize..12, 1_u64..40_000), 1..40),
        fates in prop::collection::vec(any::<bool>(), 0..60),
    ) {
        let options = options(&format!("webhook = 'http://127.0.0.1/'\ndaily = {daily}"));
        let away = |away: bool| if away { Fate::Away { why: String::new(), pause: None } } else { Fate::Taken };
        // Never so many failures in a row that a message is given up.
        let fates = fates.into_iter().flat_map(|failed| [away(failed), Fate::Taken]).collect();
        let log = Log::default();
        let carrier = Script { fates: Mutex::new(fates), log: Arc::clone(&log) };
        let (mut book, mut now, mut offered) = (Book::default(), SEVEN, Vec::new());
        for (n, (subject, pause)) in offers.into_iter().enumerate() {
            now = now.plus_seconds(pause);
            let change = news(&format!("app {subject} {n}"), Some(Verdict::Routine), Verdict::ExportLike);
            offered.push(change.now.subject.clone());
            book.take(Notice::of(&change, &report(Vec::new(), now), &Redaction::Off), &options, now);
            while book.deliver_one(&carrier, now).is_some() {}
        }
        while let Some(next) = book.next() {
            now = next.max(now);
            book.turn(&options, now);
            while book.deliver_one(&carrier, now).is_some() {}
        }
        let log = log.lock().unwrap();
        let notices = log.iter().flat_map(|(_, message)| message.notices());
        let mut told: Vec<String> = notices.map(|notice| notice.subject_id.clone()).collect();
        told.sort();
        offered.sort();
        prop_assert_eq!(told, offered);
        // By the day that they were made on: what is put off to another day was counted before.
        let mut days = BTreeMap::<u64, u32>::new();
        for (at, message) in log.iter() {
            let made = match message {
                Message::VerdictChange(notice) => notice.time,
                Message::Digest { time, .. } => *time,
            };
            prop_assert!(at.seconds() >= made);
            *days.entry(made / DAY).or_default() += 1;
        }
        prop_assert!(days.values().all(|count| *count <= daily), "{:?}", days);
    }
}
