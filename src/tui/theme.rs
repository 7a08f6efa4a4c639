//! Colours and characters. One accent; nothing is said by colour alone.

use ratatui::style::{Color, Modifier, Style};

use crate::{night::Verdict, report::Glyphs};

/// Which colours.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Palette {
    /// For a dark terminal.
    #[default]
    Dark,
    /// For a light one.
    Light,
    /// Blue and orange, which nearly everybody tells apart.
    ColourBlind,
    /// None: bold, reverse and characters alone.
    Mono,
}

impl Palette {
    /// All of them, in the order in which they follow each other.
    pub const ALL: [Self; 4] = [Self::Dark, Self::Light, Self::ColourBlind, Self::Mono];

    /// As settings and `--theme` name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::ColourBlind => "colour-blind",
            Self::Mono => "mono",
        }
    }

    /// The palette of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|palette| palette.name() == name)
    }
}

/// What a piece of the screen is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ink {
    /// Ordinary text.
    Text,
    /// What matters in a line.
    Strong,
    /// What may be overlooked.
    Faint,
    /// Where the eye should be: the chosen tab, the cursor.
    Accent,
    /// A heading.
    Heading,
    /// Looks like an export; an error.
    Alarm,
    /// Worth a look.
    Caution,
    /// All is well.
    Calm,
    /// The chosen row.
    Chosen,
    /// A brushed stretch of time.
    Brushed,
    /// Time in which somebody was using the device.
    Used,
    /// Bytes from the device while nobody used it.
    Night,
    /// Bytes from the device.
    Up,
    /// Bytes to the device.
    Down,
    /// Lines between things.
    Border,
}

/// A palette with a set of characters.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Theme {
    /// Which colours.
    pub palette: Palette,
    /// Which characters.
    pub glyphs: Glyphs,
}

/// How many shades a heat map has.
pub(crate) const SHADES: usize = 7;

impl Theme {
    /// How `ink` is drawn.
    pub fn style(self, ink: Ink) -> Style {
        let plain = Style::new();
        let Some(colours) = self.colours() else {
            return match ink {
                Ink::Strong | Ink::Heading | Ink::Alarm | Ink::Caution => plain.add_modifier(Modifier::BOLD),
                Ink::Accent | Ink::Chosen | Ink::Brushed => plain.add_modifier(Modifier::REVERSED),
                Ink::Faint | Ink::Border => plain.add_modifier(Modifier::DIM),
                Ink::Text | Ink::Calm | Ink::Night | Ink::Up | Ink::Down | Ink::Used => plain,
            };
        };
        match ink {
            Ink::Text => plain,
            Ink::Strong => plain.add_modifier(Modifier::BOLD),
            Ink::Faint => plain.fg(colours.faint),
            Ink::Accent => plain.fg(colours.accent).add_modifier(Modifier::BOLD),
            Ink::Heading => plain.fg(colours.accent),
            Ink::Alarm => plain.fg(colours.alarm).add_modifier(Modifier::BOLD),
            Ink::Caution => plain.fg(colours.caution),
            Ink::Calm => plain.fg(colours.calm),
            Ink::Chosen => plain.bg(colours.chosen),
            Ink::Brushed => plain.bg(colours.brushed),
            Ink::Used => plain.fg(colours.border).bg(colours.used),
            Ink::Night => plain.fg(colours.night[4]),
            Ink::Up => plain.fg(colours.day[5]),
            Ink::Down => plain.fg(colours.down),
            Ink::Border => plain.fg(colours.border),
        }
    }

    /// How a heat map's cell of `shade`, 1 to [`SHADES`], is drawn: warm while nobody used the device, cool while
    /// somebody did.
    pub fn heat(self, shade: usize, attended: bool) -> (char, Style) {
        let at = shade.clamp(1, SHADES) - 1;
        let mono = self.palette == Palette::Mono;
        let glyph = match (self.glyphs, attended) {
            // Without colour the height says how much.
            (Glyphs::Unicode, false) if mono => ['▁', '▂', '▃', '▅', '▆', '▇', '█'][at],
            (Glyphs::Unicode, false) => ['▪', '▪', '■', '█', '█', '█', '█'][at],
            (Glyphs::Unicode, true) => ['░', '░', '▒', '▒', '▒', '▓', '▓'][at],
            (Glyphs::Ascii, false) => ['-', '~', '=', '+', '*', '#', '@'][at],
            (Glyphs::Ascii, true) => [',', ',', ',', ':', ':', ';', ';'][at],
        };
        let style = self.colours().map_or(Style::new(), |colours| {
            if attended {
                Style::new().fg(colours.day[at]).bg(colours.used)
            } else {
                Style::new().fg(colours.night[at])
            }
        });
        (glyph, style)
    }

    /// How the top of a bar of the one ink is drawn that stands before a bar of the other.
    pub fn before(self, ink: Ink, behind: Ink) -> Style {
        let style = self.style(ink);
        self.style(behind).fg.map_or(style, |colour| style.bg(colour))
    }

    /// A bar of `eighths` of a cell, 0 to 8.
    pub fn bar(self, eighths: usize) -> char {
        match self.glyphs {
            Glyphs::Unicode => [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'][eighths.min(8)],
            Glyphs::Ascii => [' ', '.', '.', ':', ':', '|', '|', '#', '#'][eighths.min(8)],
        }
    }

    /// The mark of a verdict.
    pub const fn mark(self, verdict: Verdict) -> (&'static str, Ink) {
        let unicode = matches!(self.glyphs, Glyphs::Unicode);
        match verdict {
            Verdict::ExportLike => (if unicode { "▲" } else { "!" }, Ink::Alarm),
            Verdict::BackupLike => (if unicode { "■" } else { "B" }, Ink::Caution),
            Verdict::BulkButIrregular => (if unicode { "◆" } else { "+" }, Ink::Caution),
            Verdict::SmallRecurrent => (if unicode { "●" } else { "o" }, Ink::Caution),
            Verdict::Routine => (if unicode { "✓" } else { "." }, Ink::Calm),
            Verdict::Insufficient => ("?", Ink::Faint),
        }
    }

    /// One of a pair of characters or texts, by what may be drawn.
    pub const fn either<T: Copy>(self, unicode: T, ascii: T) -> T {
        match self.glyphs {
            Glyphs::Unicode => unicode,
            Glyphs::Ascii => ascii,
        }
    }

    const fn colours(self) -> Option<&'static Colours> {
        match self.palette {
            Palette::Dark => Some(&DARK),
            Palette::Light => Some(&LIGHT),
            Palette::ColourBlind => Some(&COLOUR_BLIND),
            Palette::Mono => None,
        }
    }
}

struct Colours {
    faint: Color,
    border: Color,
    accent: Color,
    alarm: Color,
    caution: Color,
    calm: Color,
    chosen: Color,
    brushed: Color,
    used: Color,
    down: Color,
    /// Shades of upload while nobody used the device.
    night: [Color; SHADES],
    /// Shades of upload while somebody did.
    day: [Color; SHADES],
}

const fn shades(of: [u8; SHADES]) -> [Color; SHADES] {
    let mut shades = [Color::Reset; SHADES];
    let mut n = 0;
    while n < SHADES {
        shades[n] = Color::Indexed(of[n]);
        n += 1;
    }
    shades
}

const DARK: Colours = Colours {
    faint: Color::Indexed(244),
    border: Color::Indexed(239),
    accent: Color::Indexed(75),
    alarm: Color::Indexed(203),
    caution: Color::Indexed(221),
    calm: Color::Indexed(114),
    chosen: Color::Indexed(237),
    brushed: Color::Indexed(24),
    used: Color::Indexed(235),
    down: Color::Indexed(72),
    night: shades([132, 168, 204, 203, 209, 215, 228]),
    day: shades([60, 61, 67, 67, 74, 75, 117]),
};

const LIGHT: Colours = Colours {
    faint: Color::Indexed(242),
    border: Color::Indexed(250),
    accent: Color::Indexed(25),
    alarm: Color::Indexed(160),
    caution: Color::Indexed(130),
    calm: Color::Indexed(28),
    chosen: Color::Indexed(253),
    brushed: Color::Indexed(153),
    used: Color::Indexed(255),
    down: Color::Indexed(29),
    night: shades([174, 168, 203, 197, 161, 125, 89]),
    day: shades([110, 110, 74, 68, 62, 62, 25]),
};

const COLOUR_BLIND: Colours = Colours {
    faint: Color::Indexed(245),
    border: Color::Indexed(240),
    accent: Color::Indexed(39),
    alarm: Color::Indexed(208),
    caution: Color::Indexed(220),
    calm: Color::Indexed(39),
    chosen: Color::Indexed(237),
    brushed: Color::Indexed(60),
    used: Color::Indexed(235),
    down: Color::Indexed(110),
    night: shades([130, 136, 172, 172, 208, 214, 228]),
    day: shades([24, 25, 25, 32, 38, 38, 117]),
};
