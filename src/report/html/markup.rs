//! HTML that cannot be written unescaped: element and attribute names are ours, everything else is text.

use crate::base::text::shown;

/// A piece of HTML under construction.
///
/// Names of elements and attributes are `&'static str`; there is no way to add markup from anything else.
pub(super) struct Markup(String);

/// Attributes of an element: names of ours, values from anywhere.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a str)];

impl Markup {
    /// A document's first line.
    pub(super) fn document() -> Self {
        Self("<!DOCTYPE html>\n".to_owned())
    }

    pub(super) fn finish(self) -> String {
        self.0
    }

    /// `<name attributes>`, what `inside` adds, `</name>`.
    pub(super) fn element(&mut self, name: &'static str, attributes: Attributes<'_>, inside: impl FnOnce(&mut Self)) {
        self.open(name, attributes);
        inside(self);
        self.0.extend(["</", name, ">"]);
        if ends_a_line(name) {
            self.0.push('\n');
        }
    }

    /// An element that holds nothing but text.
    pub(super) fn leaf(&mut self, name: &'static str, attributes: Attributes<'_>, text: &str) {
        self.element(name, attributes, |m| m.text(text));
    }

    /// An element without an end tag (HTML), or an empty one (SVG, where the slash closes it).
    pub(super) fn void(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.open(name, attributes);
        if matches!(name, "rect" | "line" | "path") {
            self.0.truncate(self.0.len() - 1);
            self.0.push_str("/>");
        }
    }

    /// Text from anywhere.
    pub(super) fn text(&mut self, text: &str) {
        escape(text, &mut self.0);
    }

    /// The style sheet, which is ours.
    pub(super) fn style(&mut self, sheet: &'static str) {
        self.0.extend(["<style>\n", sheet, "</style>\n"]);
    }

    fn open(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.0.extend(["<", name]);
        for (key, value) in attributes {
            self.0.extend([" ", key, "=\""]);
            escape(value, &mut self.0);
            self.0.push('"');
        }
        self.0.push('>');
    }
}

fn ends_a_line(name: &str) -> bool {
    !matches!(name, "span" | "strong" | "code" | "a" | "title" | "desc" | "th" | "td" | "text" | "tspan")
}

/// No text of a page is longer: whatever is, is a hostile name.
const LONGEST: usize = 10_000;

fn escape(text: &str, out: &mut String) {
    let safe = shown(text, LONGEST);
    for (at, c) in safe.char_indices() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            ' ' if parts_number_and_unit(&safe, at) => out.push_str("&nbsp;"),
            c => out.push(c),
        }
    }
}

/// Whether the blank at `at` stands between a number and its unit, which belong on one line.
fn parts_number_and_unit(text: &str, at: usize) -> bool {
    let (before, after) = (&text[..at], &text[at + 1..]);
    let unit = after.split([' ', ',', '.', ';', ')', ':']).next().unwrap_or_default();
    before.ends_with(|c: char| c.is_ascii_digit()) && matches!(unit, "%" | "B" | "kB" | "MB" | "GB" | "TB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_attribute_values_never_become_markup() {
        let mut markup = Markup::document();
        markup.leaf("p", &[("title", "\" onload='alert(1)")], "<script>\u{1b}[2J&</script>");
        assert_eq!(
            markup.finish(),
            "<!DOCTYPE html>\n<p title=\"&quot; onload=&#39;alert(1)\">&lt;script&gt;\\u{1b}[2J&amp;&lt;/script&gt;</p>\n"
        );
    }

    #[test]
    fn a_number_stays_with_its_unit() {
        let mut markup = Markup::document();
        markup.leaf("p", &[], "under 0.08 MB, or 5 % of 3 nights");
        assert!(markup.finish().contains("0.08&nbsp;MB, or 5&nbsp;% of 3 nights"));
    }
}
