//! What `docs/security.md` says of where everything is, held to the schema.

use std::collections::BTreeSet;

use e2e::run;

use super::shop::Shop;

const DOCUMENT: &str = include_str!("../../../docs/security.md");
const HEADING: &str = "\n## What is stored where, and for how long\n";

/// The tables that the document's table names as places.
fn said() -> BTreeSet<&'static str> {
    let section = DOCUMENT.split(HEADING).nth(1).expect("the section");
    let section = section.split("\n## ").next().expect("its end");
    let rows = section.lines().filter(|line| line.starts_with("| "));
    let places = rows.map(|row| row.split(" | ").nth(1).expect("a place"));
    places.flat_map(|place| place.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn every_table_is_said_to_be_kept_for_some_time_and_none_is_that_is_not_there() {
    run(async {
        let shop = Shop::open().await;
        // What is of a month is what its table is.
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT relname::text FROM pg_class
             WHERE relkind IN ('r', 'p') AND NOT relispartition
               AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')",
        )
        .fetch_all(&shop.pool)
        .await
        .expect("tables");
        let tables: BTreeSet<&str> = tables.iter().map(String::as_str).collect();
        let said = said();
        let missing: Vec<_> = tables.difference(&said).collect();
        let gone: Vec<_> = said.difference(&tables).collect();
        assert!(missing.is_empty() && gone.is_empty(), "missing: {missing:?}, gone: {gone:?}");
    });
}
