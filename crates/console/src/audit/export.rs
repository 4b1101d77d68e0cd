//! The audit as a file. It is written while it is read, so its length costs no memory; what fails
//! half-way breaks the transfer off, which no client takes for the end of the file.
//!
//! A file ends after [`MAX_EXPORT`] entries. A CSV file then says so in a row of its own, since a
//! reader may never have seen the page; a JSON file has a field for it either way.

use std::fmt::Write as _;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use domain::field::FieldError;
use futures::stream::try_unfold;
use store::search::audit::{AuditEntry, AuditExport, MAX_EXPORT};
use store::{PgPool, StoreError};
use time::OffsetDateTime;
use web::error::ApiError;

use super::filter::Filter;
use super::rows::{csv_head, csv_note, push_csv, to_json};
use crate::state::ConsoleState;

/// `GET /audit.csv`.
pub(super) async fn csv(
    State(state): State<ConsoleState>,
    Query(filter): Query<Filter>,
) -> Result<Response, ApiError> {
    export(state, &filter, Format::Csv)
}

/// `GET /audit.json`.
pub(super) async fn json(
    State(state): State<ConsoleState>,
    Query(filter): Query<Filter>,
) -> Result<Response, ApiError> {
    export(state, &filter, Format::Json)
}

#[derive(Debug, Clone, Copy)]
enum Format {
    Csv,
    Json,
}

enum ExportStage {
    Head,
    Entries { any: bool },
    Done,
}

/// A file that is being written.
struct Writing {
    pool: PgPool,
    export: AuditExport,
    format: Format,
    stage: ExportStage,
}

fn export(state: ConsoleState, filter: &Filter, format: Format) -> Result<Response, ApiError> {
    let search = filter.search().map_err(|errors| {
        let all = errors.all().map(|(field, why)| FieldError::new(field, why));
        ApiError::ValidationError(all.collect())
    })?;
    let (kind, ending) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "csv"),
        Format::Json => ("application/json", "json"),
    };
    let name =
        format!("attachment; filename=\"audit-{}.{ending}\"", OffsetDateTime::now_utc().date());
    let name = HeaderValue::from_str(&name).map_err(ApiError::internal)?;
    let export = AuditExport::new(search);
    let writing = Writing { pool: state.shared.pool, export, format, stage: ExportStage::Head };
    let body = Body::from_stream(try_unfold(writing, Writing::step));
    let headers = [(CONTENT_TYPE, HeaderValue::from_static(kind)), (CONTENT_DISPOSITION, name)];
    Ok((headers, body).into_response())
}

impl Writing {
    /// The next piece of the file.
    async fn step(mut self) -> Result<Option<(Bytes, Self)>, StoreError> {
        let text = match self.stage {
            ExportStage::Head => {
                self.stage = ExportStage::Entries { any: false };
                self.format.head()
            }
            ExportStage::Entries { any } => {
                let entries = self.export.next(&self.pool).await.inspect_err(|error| {
                    tracing::error!(%error, "an export of the audit was broken off");
                })?;
                if entries.is_empty() {
                    self.stage = ExportStage::Done;
                    self.format.end(self.export.is_cut_off())
                } else {
                    self.stage = ExportStage::Entries { any: true };
                    self.format.write(&entries, any)
                }
            }
            ExportStage::Done => return Ok(None),
        };
        Ok(Some((Bytes::from(text), self)))
    }
}

impl Format {
    fn head(self) -> String {
        match self {
            Self::Csv => csv_head(),
            Self::Json => "{\"data\":[".to_owned(),
        }
    }

    /// The entries; `any` says whether others precede them.
    fn write(self, entries: &[AuditEntry], mut any: bool) -> String {
        let mut out = String::new();
        for entry in entries {
            match self {
                Self::Csv => push_csv(&mut out, entry),
                Self::Json => {
                    let comma = if any { "," } else { "" };
                    let _written = write!(out, "{comma}\n{}", to_json(entry));
                }
            }
            any = true;
        }
        out
    }

    fn end(self, cut_off: bool) -> String {
        match self {
            Self::Csv if cut_off => csv_note(&format!(
                "Cut off after {MAX_EXPORT} entries: ask for fewer days at once."
            )),
            Self::Csv => String::new(),
            Self::Json => format!("\n],\"cut_off\":{cut_off}}}\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_that_was_cut_off_says_so() {
        assert_eq!(Format::Csv.end(false), "");
        assert!(Format::Csv.end(true).starts_with("Cut off after 100000 entries"));
        assert_eq!(Format::Csv.end(true).matches(',').count(), 7, "a row like the others");
        for cut_off in [false, true] {
            let file = Format::Json.head() + &Format::Json.end(cut_off);
            let file: serde_json::Value = serde_json::from_str(&file).expect("JSON");
            assert_eq!(file, json!({ "data": [], "cut_off": cut_off }));
        }
    }
}
