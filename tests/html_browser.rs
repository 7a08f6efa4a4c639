//! The HTML report in a real browser: at the width of a phone and of a desk, in light and in dark.
//!
//! The page itself holds no script. It is looked at from outside, in a frame of the width to be tried, by a script that
//! computes contrasts from the colours that were rendered (WCAG 2.1, 1.4.3 and 1.4.11).
#![allow(clippy::expect_used, clippy::panic, reason = "what fails here fails the test that asked for it")]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use nightaudit::{
    base::{Bytes, Minute},
    identify::Kind,
    night::{Grade, Verdict},
    pipeline::{AccidentRate, FleetFinding, FleetSubject, Novelty, SensorState, Survey},
    report::{Redaction, fleet_html},
};
use serde_json::Value;
use tempfile::TempDir;

const PHONE: u32 = 390;
const DESK: u32 = 1_280;

/// Chromium under one of the names it goes by; `None`, and a line that says so, where there is none.
fn browser() -> Option<&'static str> {
    let found = ["chromium", "chromium-browser", "google-chrome", "chrome"].into_iter().find(|name| {
        let mut version = std::process::Command::new(name);
        version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    });
    if found.is_none() {
        support::skipped("no Chromium (Debian's package: chromium)");
    }
    found
}

/// Runs Chromium without a window on `page`; what it printed, and what it complained of.
fn look(browser: &str, page: &Path, scheme: Scheme, more: &[String]) -> (String, String) {
    let profile = TempDir::new().expect("a folder");
    let output = assert_cmd::Command::new(browser)
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"])
        .args(["--enable-logging=stderr", "--allow-file-access-from-files", "--virtual-time-budget=4000"])
        .arg(format!("--blink-settings=preferredColorScheme={}", scheme as u8))
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(more)
        .arg(format!("file://{}", page.display()))
        .timeout(Duration::from_secs(120))
        .output()
        .expect("the browser runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// Blink's numbers for what the reader prefers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Scheme {
    Dark = 0,
    Light = 1,
}

/// Reports of which the browser is shown: an export, a quiet phone with hostile names among its servers.
fn report(folder: &Path) -> PathBuf {
    let capture = support::project().join("captures/nightly-export/traffic.pcap.zst");
    let page = folder.join("report.html");
    let before = folder.join("before.json");
    fs::write(&before, BEFORE).expect("a file");
    let run = support::nightaudit([
        "check".as_ref(),
        capture.as_os_str(),
        "--format".as_ref(),
        "html".as_ref(),
        "--previous".as_ref(),
        before.as_os_str(),
        "-o".as_ref(),
        page.as_os_str(),
    ]);
    assert_eq!(run.status, 1, "{run:?}");
    page
}

/// A report before, in which nothing was found.
const BEFORE: &str = r#"{"schema": 1, "inputs": [{"last": "2026-05-10T06:00:00Z"}], "devices": [{"id": "02:00:00:00:07:17",
    "label": null, "subjects": [{"subject": "WhatsApp", "id": "whatsapp", "verdict": "routine", "grade": null}]}]}"#;

/// What a reader of the page meets, measured in a frame of `width` pixels.
fn measured(browser: &str, page: &Path, width: u32, scheme: Scheme) -> Value {
    let folder = TempDir::new().expect("a folder");
    let outside = folder.path().join("outside.html");
    let report = fs::read_to_string(page).expect("a report").replace('&', "&amp;").replace('"', "&quot;");
    let html = OUTSIDE.replace("@WIDTH@", &width.to_string()).replace("@REPORT@", &report);
    fs::write(&outside, html).expect("a file");
    let (dom, complaints) =
        look(browser, &outside, scheme, &["--dump-dom".to_owned(), "--window-size=1400,1000".to_owned()]);
    let result = dom.split("<pre id=\"result\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let result = result.unwrap_or_else(|| panic!("no result: {complaints}\n{}", dom.get(..2_000).unwrap_or(&dom)));
    let result = result.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&result).unwrap_or_else(|error| panic!("{error}: {result}"))
}

const OUTSIDE: &str = r#"<!DOCTYPE html><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<iframe id="page" style="width:@WIDTH@px;height:900px;border:0" srcdoc="@REPORT@"></iframe><pre id="result"></pre>
<script>
const frame = document.getElementById("page");
function luminance([r, g, b]) {
  const part = c => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
  return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
}
const colour = text => (text.match(/[\d.]+/g) || []).map(Number);
function ratio(a, b) {
  const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
  return (x + 0.05) / (y + 0.05);
}
frame.addEventListener("load", () => {
  const win = frame.contentWindow, doc = frame.contentDocument;
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const found = colour(win.getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] > 0.99) return found.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const faint = [];
  let texts = 0, lowest = 21;
  const walk = doc.createTreeWalker(doc.body, win.NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || ["STYLE", "TITLE", "title", "desc"].includes(element.tagName)) continue;
    const style = win.getComputedStyle(element);
    const svg = element.namespaceURI.endsWith("svg");
    const size = parseFloat(style.fontSize), bold = parseInt(style.fontWeight, 10) >= 600;
    const needed = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
    const found = ratio(colour(svg ? style.fill : style.color), behind(element));
    texts += 1;
    lowest = Math.min(lowest, found);
    if (found < needed) faint.push([walk.currentNode.textContent.trim().slice(0, 40), found]);
  }
  const marks = [".bar", ".v1", ".v2", ".v3", ".v4", ".v5", ".hatch-line"].map(name => {
    const element = doc.querySelector(name);
    if (!element) return [name, 0];
    const style = win.getComputedStyle(element);
    const fill = selector => colour(win.getComputedStyle(doc.querySelector(selector)).fill);
    const grounds = name === ".bar" || name === ".hatch-line" ? [behind(doc.querySelector("svg.chart"))]
      : [fill(".night"), fill(".used")];
    const mark = colour(name === ".hatch-line" ? style.stroke : style.fill);
    return [name, Math.min(...grounds.map(ground => ratio(mark, ground)))];
  });
  const all = selector => [...doc.querySelectorAll(selector)];
  const wide = all("body *").filter(e => !e.closest("svg") && !e.closest(".wide") && e.getBoundingClientRect().right > win.innerWidth + 1);
  document.getElementById("result").textContent = JSON.stringify({
    width: win.innerWidth,
    dark: win.matchMedia("(prefers-color-scheme: dark)").matches,
    background: colour(win.getComputedStyle(doc.body).backgroundColor),
    overflow: doc.documentElement.scrollWidth - win.innerWidth,
    wide: wide.map(e => e.tagName + "." + e.className).slice(0, 5),
    texts, lowest, faint: faint.slice(0, 10), marks,
    pictures: all("svg[role=img]").length,
    nameless: all("svg[role=img]").filter(e => !e.getAttribute("aria-label") || !e.querySelector("title")).length,
    unmarked: all("svg").filter(e => e.getAttribute("role") !== "img" && e.getAttribute("aria-hidden") !== "true").length,
    images: all("img:not([alt])").length,
    headless: all("table").filter(e => !e.querySelector("caption") || e.querySelector("thead th:not([scope])")).length,
    first: [...doc.querySelectorAll("h1, h2, h3, h4")].map(e => e.tagName),
    lang: doc.documentElement.lang,
    title: doc.title,
    scripts: all("script, iframe, object, embed, link, form").length,
    outside: all("[src], [href], [srcset], [action], [data]").length,
    news: (doc.querySelector(".news li") || {textContent: ""}).textContent,
    ids: all("[id]").length - new Set(all("[id]").map(e => e.id)).size,
  });
});
</script>"#;

#[test]
fn a_phone_and_a_desk_in_light_and_in_dark_can_read_it() {
    let Some(browser) = browser() else { return };
    let folder = TempDir::new().expect("a folder");
    let page = report(folder.path());
    for (width, scheme) in [(PHONE, Scheme::Light), (PHONE, Scheme::Dark), (DESK, Scheme::Light), (DESK, Scheme::Dark)]
    {
        let seen = measured(browser, &page, width, scheme);
        let at = format!("{width} px, {scheme:?}");
        assert_eq!(
            (seen["width"].as_u64(), seen["dark"].as_bool()),
            (Some(width.into()), Some(scheme == Scheme::Dark))
        );
        let bright = seen["background"][0].as_f64().expect("a colour") > 128.0;
        assert_eq!(bright, scheme == Scheme::Light, "{at}: the page follows what its reader prefers");
        assert!(seen["overflow"].as_i64().expect("a width") <= 0, "{at}: it scrolls sideways: {}", seen["wide"]);
        assert_eq!(seen["wide"], serde_json::json!([]), "{at}: nothing sticks out");
        assert!(seen["texts"].as_u64() > Some(60), "{at}: {} texts", seen["texts"]);
        assert_eq!(seen["faint"], serde_json::json!([]), "{at}: contrast below WCAG AA");
        for mark in seen["marks"].as_array().expect("marks") {
            // Graphics need 3:1 (WCAG 2.2, 1.4.11), the lightest volume too, against rest and use alike.
            assert!(mark[1].as_f64() >= Some(3.0), "{at}: {mark} against what is behind it");
        }
        assert!(seen["pictures"].as_u64() >= Some(2), "{at}: bars and times of day: {}", seen["pictures"]);
        for nothing in ["nameless", "unmarked", "images", "headless", "scripts", "outside", "ids"] {
            assert_eq!(seen[nothing], 0, "{at}: {nothing}");
        }
        assert_eq!((seen["lang"].as_str(), seen["first"][0].as_str()), (Some("en"), Some("H1")));
        assert!(seen["title"].as_str().is_some_and(|title| !title.is_empty()));
        assert!(
            seen["news"].as_str().expect("news").contains("Before: routine"),
            "{at}: what is new comes first: {}",
            seen["news"]
        );
    }
}

#[test]
fn the_browser_has_nothing_to_complain_of_and_pictures_are_made() {
    let Some(browser) = browser() else { return };
    let folder = TempDir::new().expect("a folder");
    let page = report(folder.path());
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for (name, size, scheme) in [
        ("phone", "500,2600", Scheme::Light),
        ("phone-dark", "500,2600", Scheme::Dark),
        ("desk", "1280,2600", Scheme::Light),
        ("desk-dark", "1280,2600", Scheme::Dark),
    ] {
        let picture = kept.join(format!("report-{name}.png"));
        let _ = fs::remove_file(&picture);
        let more = [format!("--screenshot={}", picture.display()), format!("--window-size={size}")];
        let (_, complaints) = look(browser, &page, scheme, &more);
        let console: Vec<_> = complaints.lines().filter(|line| line.contains("CONSOLE")).collect();
        assert!(console.is_empty(), "{name}: {console:?}");
        let bytes = fs::read(&picture).expect("a picture");
        assert!(bytes.starts_with(b"\x89PNG") && bytes.len() > 40_000, "{name}: {} bytes", bytes.len());
    }
    let paper = kept.join("report.pdf");
    let _ = fs::remove_file(&paper);
    look(browser, &page, Scheme::Light, &[format!("--print-to-pdf={}", paper.display())]);
    assert!(fs::read(&paper).expect("a print").starts_with(b"%PDF"));
}

/// A fleet in which something of every kind is to be said, by names that try to break the page.
fn fleet() -> Survey {
    let long = "a-host-without-any-place-to-break-".repeat(8);
    let names = ["WhatsApp", "Google backup", "<b>Telegram</b>", &long];
    let finding = |n: usize| FleetFinding {
        sensor: format!("gateway-{n:03}"),
        device: format!("02:00:00:00:00:{n:02x}"),
        label: (n == 1).then(|| "Ana's phone".to_owned()),
        subject: format!("s{n}"),
        name: names[n % 4].to_owned(),
        kind: Kind::Messenger,
        verdict: [Verdict::ExportLike, Verdict::BackupLike, Verdict::SmallRecurrent][n % 3],
        grade: (n % 3 < 2).then_some(Grade::Strong),
        log10_e: 20.0 - n as f64,
        eligible_nights: 28,
        worst_night: Some(Bytes::mb(18 + n as u64)),
        stands: n < 9,
        news: [Novelty::New, Novelty::Known, Novelty::Was(Verdict::SmallRecurrent)][n % 3],
    };
    let subject = |n: usize| FleetSubject {
        subject: format!("s{n}"),
        name: names[n].to_owned(),
        verdicts: [Verdict::ExportLike, Verdict::Routine, Verdict::Insufficient]
            .into_iter()
            .zip([3 - u32::try_from(n % 3).expect("small"), 40, 2])
            .collect(),
        standing: 3 - u32::try_from(n % 3).expect("small"),
    };
    let sensor = |n: u32| SensorState {
        sensor: format!("gateway-{n:03}"),
        devices: 2,
        last: Some(Minute(29_000_000 - n / 20 * 900)),
        watched: 40_000,
        dropped: f64::from(n % 7 / 6) * 0.05,
        failed: Vec::new(),
    };
    let accident = AccidentRate {
        size: Bytes::mb(5),
        hits: 31,
        nights: 900,
        devices: 40,
        rate: 31.0 / 900.0,
        interval: (0.02, 0.05),
    };
    Survey {
        devices: 45,
        rows: 180,
        subjects: (0..4).map(subject).collect(),
        findings: (0..14).map(finding).collect(),
        accidents: vec![accident],
        sensors: (0..24).map(sensor).collect(),
        last: Some(Minute(29_000_000)),
        span: None,
        since: Some(Minute(28_990_000)),
        gone: vec![finding(20)],
    }
}

#[test]
fn a_fleets_page_is_read_on_a_phone_and_on_a_desk_as_well() {
    let Some(browser) = browser() else { return };
    let folder = TempDir::new().expect("a folder");
    let page = folder.path().join("fleet.html");
    fs::write(&page, fleet_html(&fleet(), &Redaction::Off, chrono_tz::Europe::Berlin)).expect("a file");
    for (width, scheme) in [(PHONE, Scheme::Light), (PHONE, Scheme::Dark), (DESK, Scheme::Light), (DESK, Scheme::Dark)]
    {
        let seen = measured(browser, &page, width, scheme);
        let at = format!("{width} px, {scheme:?}");
        assert_eq!(seen["width"].as_u64(), Some(width.into()));
        assert!(seen["overflow"].as_i64().expect("a width") <= 0, "{at}: it scrolls sideways: {}", seen["wide"]);
        assert_eq!(seen["wide"], serde_json::json!([]), "{at}: nothing sticks out");
        assert!(seen["texts"].as_u64() > Some(150), "{at}: {} texts", seen["texts"]);
        assert_eq!(seen["faint"], serde_json::json!([]), "{at}: contrast below WCAG AA");
        for nothing in ["nameless", "unmarked", "images", "headless", "scripts", "outside", "ids"] {
            assert_eq!(seen[nothing], 0, "{at}: {nothing}");
        }
        assert_eq!((seen["lang"].as_str(), seen["first"][0].as_str()), (Some("en"), Some("H1")));
        assert!(seen["news"].as_str().expect("news").starts_with("new: WhatsApp"), "{at}: {}", seen["news"]);
    }
    for (name, size) in [("phone", "500,2600"), ("desk", "1280,2000")] {
        let picture = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fleet-{name}.png"));
        let _ = fs::remove_file(&picture);
        let more = [format!("--screenshot={}", picture.display()), format!("--window-size={size}")];
        let (_, complaints) = look(browser, &page, Scheme::Light, &more);
        let console: Vec<_> = complaints.lines().filter(|line| line.contains("CONSOLE")).collect();
        assert!(console.is_empty(), "{name}: {console:?}");
        assert!(fs::read(&picture).expect("a picture").starts_with(b"\x89PNG"));
    }
}
