//! The line in which a filter is typed, with what is wrong and what could come next below it.

use ratatui::{layout::Rect, style::Modifier};
use unicode_width::UnicodeWidthStr;

use crate::tui::{
    pen::{Pen, piece},
    prompt::Prompt,
    theme::Ink,
};

/// Columns before the text.
const MARK: u16 = 3;

/// The typed line. Where it is longer than the screen its end shows.
pub(crate) fn line(prompt: &Prompt, pen: &mut Pen<'_>) {
    pen.text(1, 0, Ink::Accent, "/");
    let room = usize::from(pen.width().saturating_sub(MARK + 1));
    let mut from = 0;
    while prompt.text.get(from..prompt.cursor).is_some_and(|head| head.width() >= room) {
        from += prompt.text[from..].chars().next().map_or(1, char::len_utf8);
    }
    let mut x = MARK;
    for (at, c) in prompt.text[from..].char_indices() {
        let wrong = prompt.error.as_ref().is_some_and(|error| error.at.contains(&(from + at)));
        let end = pen.text(x, 0, if wrong { Ink::Alarm } else { Ink::Text }, c.encode_utf8(&mut [0; 4]));
        if from + at == prompt.cursor {
            pen.wash_cell(x, 0, pen.theme.style(Ink::Text).add_modifier(Modifier::REVERSED));
        }
        x = end;
    }
    if prompt.cursor == prompt.text.len() {
        pen.mark(x, 0, pen.theme.style(Ink::Text).add_modifier(Modifier::REVERSED), ' ');
    }
}

/// A box below the line: the error, else how it could go on, else examples.
pub(crate) fn help(prompt: &Prompt, pen: &mut Pen<'_>) {
    const EXAMPLES: [(&str, &str); 4] = [
        ("app:whatsapp up>5MB", "one app's large uploads"),
        ("unattended hour:1-5", "while nobody used the phone, at night"),
        ("role:media or role:backup", "what for"),
        ("host~icloud -kind:os", "names that contain icloud, the system apart"),
    ];
    let rows = match (&prompt.error, prompt.completions.len()) {
        (Some(_), _) => 1,
        (None, 0) if prompt.text.is_empty() => EXAMPLES.len(),
        (None, many) => many,
    };
    let rows = u16::try_from(rows).unwrap_or(0).min(pen.height().saturating_sub(2));
    if rows == 0 {
        return;
    }
    let area = pen.area();
    let mut pen =
        pen.within(Rect { x: area.x + 1, width: area.width.saturating_sub(2).min(90), height: rows + 2, ..area });
    pen.clear();
    pen.frame(Ink::Border, &Vec::new(), &vec![piece(Ink::Faint, "tab completes, enter asks, esc leaves")]);
    if let Some(error) = &prompt.error {
        pen.text(2, 1, Ink::Alarm, &error.what);
        return;
    }
    if prompt.text.is_empty() {
        for (y, (example, means)) in (1..=rows).zip(EXAMPLES) {
            pen.text(2, y, Ink::Heading, example);
            pen.text(32, y, Ink::Faint, means);
        }
        return;
    }
    for (y, (n, completion)) in (1..=rows).zip(prompt.completions.iter().enumerate()) {
        let x = pen.text(2, y, Ink::Heading, &completion.text);
        let inner = pen.area();
        pen.within(Rect { width: inner.width - 1, ..inner }).text(x.max(16) + 2, y, Ink::Faint, completion.means);
        if prompt.chosen == Some(n) {
            pen.within(Rect { x: inner.x + 1, width: inner.width - 2, ..inner }).wash(y, Ink::Chosen);
        }
    }
}
