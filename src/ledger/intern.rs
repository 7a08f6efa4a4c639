//! Texts and subjects by small numbers, bounded.

use std::{collections::HashMap, hash::Hash};

/// Gives equal values equal numbers, up to a cap.
#[derive(Clone, Debug)]
pub(super) struct Interner<T> {
    numbers: HashMap<T, u32>,
    values: Vec<T>,
    most: usize,
    refused: u64,
}

impl<T: Clone + Eq + Hash> Interner<T> {
    /// An empty one for at most `most` values.
    pub(super) fn new(most: usize) -> Self {
        Self { numbers: HashMap::new(), values: Vec::new(), most, refused: 0 }
    }

    /// The number of `value`, or of `instead` where there is room for no more.
    pub(super) fn number(&mut self, value: &T, instead: &T) -> u32 {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        if self.values.len() < self.most {
            return self.push(value);
        }
        self.refused += 1;
        self.numbers.get(instead).copied().unwrap_or_else(|| self.push(instead))
    }

    /// The number of a value that has one.
    pub(super) fn known(&self, value: &T) -> Option<u32> {
        self.numbers.get(value).copied()
    }

    /// The value of a number that this interner gave.
    pub(super) fn value(&self, number: u32) -> Option<&T> {
        self.values.get(number as usize)
    }

    /// How often there was no room.
    pub(super) const fn refused(&self) -> u64 {
        self.refused
    }

    fn push(&mut self, value: &T) -> u32 {
        let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.values.push(value.clone());
        self.numbers.insert(value.clone(), number);
        number
    }
}
