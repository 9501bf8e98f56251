//! What became of files that carry what is kept.

use understory_server::{ArrivedLine, BackedUp, CompactedLine, ExportedLine, ParcelReply, RestoredLine};

use super::{escaped, grouped, numbers_of};

pub(super) fn parcel(reply: &ParcelReply) -> String {
    match reply {
        ParcelReply::BackedUp(BackedUp { backup, commit, rows, batches, bytes }) => {
            let [commit, rows, batches, bytes] = [*commit, *rows, *batches, *bytes].map(grouped);
            let held = format!("{rows} rows and {batches} batches beside them, {bytes} bytes, up to commit {commit}");
            format!("{}: {held}\n", escaped(backup))
        }
        ParcelReply::Exported(ExportedLine { exported, file, agents, jobs, items, rows, bytes }) => {
            let [rows, bytes] = [*rows, *bytes].map(grouped);
            let held = numbers_of([(*agents, "agent"), (*jobs, "job"), (*items, "item")]);
            format!("{exported} exported to {}: {held}, {rows} rows, {bytes} bytes\n", escaped(file))
        }
        ParcelReply::Imported(ArrivedLine { imported, agents, jobs, items, rows }) => {
            let held = numbers_of([(*agents, "agent"), (*jobs, "job"), (*items, "item")]);
            format!("{imported} imported, closed: {held}, {} rows\n", grouped(*rows))
        }
        ParcelReply::Restored(RestoredLine { restored, commit, rows, batches }) => {
            let [commit, rows, batches] = [*commit, *rows, *batches].map(grouped);
            let held = format!("{rows} rows and {batches} batches beside them, up to commit {commit}");
            format!("{} restored: {held}\n", escaped(restored))
        }
        ParcelReply::Compacted(CompactedLine { compacted, rows, bytes_before, bytes_after }) => {
            let [rows, before, after] = [*rows, *bytes_before, *bytes_after].map(grouped);
            format!("{} compacted: {rows} rows, {after} bytes instead of {before}\n", escaped(compacted))
        }
    }
}
