//! A table as Parquet: typed columns, compressed with zstd, in row groups of bounded size.
//!
//! The footer describes each column of each row group, and stays in memory until the end of the file. A row
//! group ends at a limit of rows or of bytes, where a NULL counts as one byte. So sparse tables have few row
//! groups, however many columns they have.
//!
//! The file is written with the column writers of the crate `parquet`. The crates of Arrow would add a
//! second layout in memory and most of the build's time.

use super::{
    cell::{Fit, Typed, typed},
    file::HashedFile,
    finished::{Finished, Losses},
    kind::{Column, Kind},
    writer::TableWriter,
};
use crate::{commands::query::exact, warehouse::AnswerCell};
use bytes::Bytes;
use parquet::{
    basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel},
    data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type},
    errors::ParquetError,
    file::{
        properties::{EnabledStatistics, WriterProperties},
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::types::Type,
};
use std::{
    io::{self, Write},
    mem,
    sync::Arc,
};

/// A row group is written when its cells take this many bytes in memory.
const GROUP_BYTES: usize = 6 << 20;
/// The size limit of a page and of a column's dictionary, in bytes.
const PAGE_BYTES: usize = 256 << 10;
/// A row group is written when it has this many rows, however short they are.
const GROUP_ROWS: usize = 1 << 17;
/// The number of digits of an amount.
const PRECISION: i32 = 18;

/// A Parquet file that is being written.
pub(in crate::commands) struct Parquet<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    columns: Vec<Cells>,
    rows: usize,
    bytes: usize,
    losses: Losses,
}

/// The cells of a column that are not written yet.
struct Cells {
    name: String,
    kind: Kind,
    /// For each row, whether the column has a value.
    has_value: Vec<bool>,
    values: Values,
}

enum Values {
    Boolean(Vec<bool>),
    Day(Vec<i32>),
    Integer(Vec<i64>),
    Real(Vec<f64>),
    /// All texts, one after the other, and the position where each ends.
    Text(Vec<u8>, Vec<usize>),
}

impl Values {
    fn of(kind: Kind) -> Values {
        match kind {
            Kind::Text => Values::Text(Vec::new(), Vec::new()),
            Kind::Boolean => Values::Boolean(Vec::new()),
            Kind::Date => Values::Day(Vec::new()),
            Kind::Real => Values::Real(Vec::new()),
            Kind::Integer | Kind::Timestamp | Kind::Money(_) => Values::Integer(Vec::new()),
        }
    }

    fn push(&mut self, value: Typed) {
        match (self, value) {
            (Values::Boolean(all), Typed::Boolean(value)) => all.push(value),
            (Values::Day(all), Typed::Day(value)) => all.push(value),
            (Values::Real(all), Typed::Real(value)) => all.push(value),
            (Values::Integer(all), Typed::Integer(value) | Typed::Moment(value)) => all.push(value),
            // Unreachable: the column's kind determines the type of both.
            _ => {}
        }
    }
}

impl<W: Write + Send> Parquet<W> {
    /// Writes the start of the file; `is_utc` says whether its timestamps are UTC or have no time zone.
    pub(in crate::commands) fn begin(
        output: W,
        columns: &[Column],
        is_utc: bool,
    ) -> io::Result<Parquet<W>> {
        let fields = columns
            .iter()
            .map(|column| field(column, is_utc))
            .collect::<Result<Vec<_>, _>>()
            .map_err(system)?;
        let schema =
            Type::group_type_builder("schema").with_fields(fields).build().map_err(system)?;
        let properties = WriterProperties::builder()
            .set_created_by(format!("payersync {}", env!("CARGO_PKG_VERSION")))
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_data_page_size_limit(PAGE_BYTES)
            .set_dictionary_page_size_limit(PAGE_BYTES)
            // Readers skip row groups by these statistics. A page index is left out: it grows with the rows.
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .build();
        let writer = SerializedFileWriter::new(output, Arc::new(schema), Arc::new(properties))
            .map_err(system)?;
        let columns = columns
            .iter()
            .map(|column| Cells {
                name: column.name.clone(),
                kind: column.kind,
                has_value: Vec::new(),
                values: Values::of(column.kind),
            })
            .collect();
        Ok(Parquet { writer, columns, rows: 0, bytes: 0, losses: Losses::default() })
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        for cells in &mut self.columns {
            // There are as many column writers as columns: the schema is made from the columns.
            if let Some(mut column) = group.next_column()? {
                write(&mut column, cells)?;
                column.close()?;
            }
        }
        group.close()?;
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }

    /// Takes one row, its cells in the order of the columns.
    pub(in crate::commands) fn push(&mut self, cells: &[AnswerCell<'_>]) -> io::Result<()> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            let has_value = match (&mut column.values, cell) {
                (_, AnswerCell::Null) => false,
                (Values::Text(texts, ends), cell) => {
                    match cell {
                        AnswerCell::Text(text) => texts.extend_from_slice(text.as_bytes()),
                        cell => texts.extend_from_slice(exact(cell).as_bytes()),
                    }
                    self.bytes += texts.len() - ends.last().copied().unwrap_or_default();
                    ends.push(texts.len());
                    true
                }
                (values, cell) => {
                    let fit = typed(cell, column.kind);
                    let lost = match fit {
                        Fit::Whole(_) => None,
                        Fit::Rounded(_) => Some(&mut self.losses.rounded),
                        Fit::Misfit => Some(&mut self.losses.left_out),
                    };
                    if let Some(lost) = lost {
                        *lost.entry(column.name.clone()).or_default() += 1;
                    }
                    match fit {
                        Fit::Whole(value) | Fit::Rounded(value) => {
                            values.push(value);
                            true
                        }
                        Fit::Misfit => false,
                    }
                }
            };
            self.bytes += mem::size_of::<bool>();
            if has_value {
                self.bytes += mem::size_of::<i64>();
            }
            column.has_value.push(has_value);
        }
        self.rows += 1;
        if self.bytes >= GROUP_BYTES || self.rows == GROUP_ROWS {
            self.write_group().map_err(system)?;
        }
        Ok(())
    }

    /// The number of bytes of the file so far, without the rows that are not written yet.
    #[cfg(feature = "lake")]
    pub(in crate::commands) fn bytes(&self) -> usize {
        self.writer.bytes_written()
    }

    /// Ends the file; returns its output, and the cells that the file could not hold exactly.
    pub(in crate::commands) fn end(mut self) -> io::Result<(W, Losses)> {
        if self.rows > 0 {
            self.write_group().map_err(system)?;
        }
        Ok((self.writer.into_inner().map_err(system)?, self.losses))
    }
}

impl TableWriter for Parquet<HashedFile> {
    fn row(&mut self, cells: &[AnswerCell<'_>]) -> io::Result<()> {
        self.push(cells)
    }

    fn finish(self: Box<Self>) -> io::Result<Finished> {
        let (mut file, losses) = self.end()?;
        Ok(Finished { sums: file.finish()?, losses })
    }
}

/// Writes the cells of a column and clears them.
fn write(column: &mut SerializedColumnWriter<'_>, cells: &mut Cells) -> Result<(), ParquetError> {
    // A definition level of 1 is a value, of 0 a NULL.
    let levels: Vec<i16> = cells.has_value.drain(..).map(i16::from).collect();
    let levels = Some(levels.as_slice());
    match &mut cells.values {
        Values::Boolean(all) => {
            column.typed::<BoolType>().write_batch(all, levels, None)?;
            all.clear();
        }
        Values::Day(all) => {
            column.typed::<Int32Type>().write_batch(all, levels, None)?;
            all.clear();
        }
        Values::Integer(all) => {
            column.typed::<Int64Type>().write_batch(all, levels, None)?;
            all.clear();
        }
        Values::Real(all) => {
            column.typed::<DoubleType>().write_batch(all, levels, None)?;
            all.clear();
        }
        Values::Text(texts, ends) => {
            let (texts, mut start) = (Bytes::from(mem::take(texts)), 0);
            let all: Vec<ByteArray> = mem::take(ends)
                .into_iter()
                .map(|end| texts.slice(mem::replace(&mut start, end)..end).into())
                .collect();
            column.typed::<ByteArrayType>().write_batch(&all, levels, None)?;
        }
    }
    Ok(())
}

fn field(column: &Column, is_utc: bool) -> Result<Arc<Type>, ParquetError> {
    let (physical, logical) = match column.kind {
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Boolean => (Physical::BOOLEAN, None),
        Kind::Integer => (Physical::INT64, None),
        Kind::Real => (Physical::DOUBLE, None),
        Kind::Date => (Physical::INT32, Some(LogicalType::Date)),
        Kind::Timestamp => {
            (Physical::INT64, Some(LogicalType::timestamp(is_utc, TimeUnit::MICROS)))
        }
        Kind::Money(scale) => {
            (Physical::INT64, Some(LogicalType::decimal(i32::from(scale), PRECISION)))
        }
    };
    let mut builder = Type::primitive_type_builder(&column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical);
    if let Kind::Money(scale) = column.kind {
        builder = builder.with_precision(PRECISION).with_scale(i32::from(scale));
    }
    builder.build().map(Arc::new)
}

/// Returns the system's error inside an error of the format, so that a full disk is reported as a full disk.
fn system(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(inner) => io::Error::other(inner),
        },
        error => io::Error::other(error),
    }
}
