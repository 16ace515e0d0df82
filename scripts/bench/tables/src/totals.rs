//! How much was compared, and what differed.

use std::collections::{BTreeMap, BTreeSet};

/// As many unexplained differences of a view are printed.
const SHOWN: usize = 5;

#[derive(Default)]
pub struct Totals {
    /// Views that gave a row here or there.
    pub views: BTreeSet<String>,
    pub resources: usize,
    pub rows: usize,
    pub cells: usize,
    /// Cells that have a value here or there.
    pub values: usize,
    reasons: BTreeMap<&'static str, Differences>,
    /// Cells that octofhir-sof gave no value for, by its message.
    uncompared: BTreeMap<String, Differences>,
    pub unexplained: usize,
    shown: BTreeMap<String, usize>,
}

/// Rows that only one engine gives, cells that differ, and the first of them.
struct Differences {
    rows: usize,
    cells: usize,
    example: String,
}

impl Differences {
    fn new(example: String) -> Self {
        Self { rows: 0, cells: 0, example }
    }
}

impl Totals {
    pub fn differing_cell(&mut self, reason: &'static str, example: String) {
        self.reasons.entry(reason).or_insert_with(|| Differences::new(example)).cells += 1;
    }

    pub fn differing_rows(&mut self, reason: &'static str, rows: usize, example: String) {
        self.reasons.entry(reason).or_insert_with(|| Differences::new(example)).rows += rows;
    }

    pub fn uncompared(&mut self, message: String, cells: usize, example: String) {
        self.uncompared.entry(message).or_insert_with(|| Differences::new(example)).cells += cells;
    }

    pub fn unexplained(&mut self, view: &str, difference: &str) {
        self.unexplained += 1;
        let shown = self.shown.entry(view.to_owned()).or_default();
        *shown += 1;
        if *shown <= SHOWN {
            println!("UNEXPLAINED {view} {difference}");
        }
    }

    pub fn add(&mut self, other: Self) {
        self.views.extend(other.views);
        self.resources += other.resources;
        self.rows += other.rows;
        self.cells += other.cells;
        self.values += other.values;
        self.unexplained += other.unexplained;
        for (reason, Differences { rows, cells, example }) in other.reasons {
            let sum = self.reasons.entry(reason).or_insert_with(|| Differences::new(example));
            sum.rows += rows;
            sum.cells += cells;
        }
        for (message, Differences { cells, example, .. }) in other.uncompared {
            self.uncompared(message, cells, example);
        }
    }

    /// One line of the table of warehouses.
    pub fn print(&self, warehouse: &str) {
        let reasons = self.reasons.values();
        println!(
            "| {warehouse} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            self.views.len(),
            self.resources,
            self.rows,
            self.cells,
            self.values,
            reasons.clone().map(|it| it.rows).sum::<usize>(),
            reasons.map(|it| it.cells).sum::<usize>(),
            self.uncompared.values().map(|it| it.cells).sum::<usize>(),
            self.unexplained,
        );
    }

    pub fn print_reasons(&self) {
        println!("\n| reason | rows | cells | for example |\n|---|---:|---:|---|");
        let reasons = self.reasons.iter().map(|(reason, it)| ((*reason).to_owned(), it));
        let uncompared = self.uncompared.iter().map(|(it, sum)| (format!("uncompared: {it}"), sum));
        for (reason, Differences { rows, cells, example }) in reasons.chain(uncompared) {
            println!("| {reason} | {rows} | {cells} | {} |", example.replace('|', "\\|"));
        }
    }
}
