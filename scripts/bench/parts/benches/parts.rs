//! What one page costs in each part: index, hash, parse, views, and all of it with the writing.
//!
//! `cargo bench --manifest-path scripts/bench/parts/Cargo.toml`
//!
//! The pages are those of `scripts/bench/first-load`, which Python makes: the first of a type.

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use payersync::{
    clock::Clock,
    fhir::Bundle,
    fingerprint::fingerprint,
    monitor::Silent,
    sync::{Import, ImportContext, Stop},
    view::{View, json},
    warehouse::{
        Catalog, NewFiles, Warehouse, WarehouseFile, embedded_definitions, embedded_marts,
    },
};
use std::{hint::black_box, path::Path, process::Command, sync::Arc};

const KINDS: [&str; 3] = ["ExplanationOfBenefit", "Observation", "Procedure"];

fn page(kind: &str) -> Bytes {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../invented.py");
    let output = Command::new("python3").arg(script).arg(kind).output().expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout.into()
}

fn resources<'a>(page: &'a [u8], bundle: &Bundle) -> Vec<&'a [u8]> {
    bundle.entries.iter().filter_map(|entry| Some(&page[entry.resource.clone()?])).collect()
}

/// An empty warehouse with every table and mart, and one connection of files.
async fn import(folder: &Path) -> Import {
    let catalog = Catalog::new(embedded_definitions(), embedded_marts()).expect("compiles");
    let file = WarehouseFile::in_clear(folder.join("warehouse.db"));
    let warehouse = Warehouse::open(&file, catalog, Clock::system(), &Silent).expect("opens");
    let files = NewFiles { uid: "bench".to_owned(), name: "bench".to_owned(), member: None };
    let connection = warehouse.connection_of_files(files).await.expect("a connection");
    let context = ImportContext {
        warehouse: Arc::new(warehouse),
        monitor: Arc::new(Silent),
        clock: Clock::system(),
        stop: Stop::new().1,
        count_unmapped_paths: false,
        attachments: false,
        attachment_bytes: 0,
    };
    Import::start(context, connection, None, true).await.expect("starts")
}

fn parts(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let views: Vec<View> =
        embedded_definitions().map(|text| View::from_json(text).expect("compiles")).collect();
    for kind in KINDS {
        let page = page(kind);
        let bundle = Bundle::index(&page).expect("a page");
        let resources = resources(&page, &bundle);
        let views: Vec<&View> = views.iter().filter(|view| view.resource == kind).collect();
        let limits = json::Limits::default();
        let mut group = criterion.benchmark_group(kind);
        group.throughput(Throughput::Bytes(page.len() as u64));
        group.bench_function("index", |bench| bench.iter(|| Bundle::index(black_box(&page))));
        group.bench_function("hash", |bench| {
            bench.iter(|| {
                for resource in &resources {
                    black_box(fingerprint(resource).expect("JSON"));
                }
            });
        });
        group.bench_function("parse", |bench| {
            bench.iter(|| {
                for resource in &resources {
                    black_box(json::parse(resource, limits).expect("JSON"));
                }
            });
        });
        group.bench_function("parse and views", |bench| {
            bench.iter(|| {
                for resource in &resources {
                    let node = json::parse(resource, limits).expect("JSON");
                    for view in &views {
                        view.run(&node, &mut |row| {
                            black_box(row);
                        })
                        .expect("fits");
                    }
                }
            });
        });
        group.sample_size(20);
        group.bench_function("all of it, written", |bench| {
            bench.iter_batched(
                || {
                    let folder = tempfile::tempdir().expect("a folder");
                    let mut import = runtime.block_on(import(folder.path()));
                    import.begin("page.json".to_owned());
                    (folder, import, Bundle::index(&page).expect("a page").entries)
                },
                |(folder, mut import, entries)| {
                    runtime.block_on(import.part(page.clone(), entries)).expect("is stored");
                    (folder, import)
                },
                BatchSize::PerIteration,
            );
        });
        group.finish();
    }
}

criterion_group!(benches, parts);
criterion_main!(benches);
