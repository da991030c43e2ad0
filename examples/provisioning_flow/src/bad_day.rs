//! A day on which half of the directory is gone, as after a mistake: to see the deletion threshold hold it back.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::failure::Failure;

/// Makes a directory whose first day is that of another one, and on whose next day every second person is deleted.
pub(crate) fn write(from: &Path, to: PathBuf) -> Result<PathBuf, Failure> {
    let cannot = |path: &Path, error: &dyn std::error::Error| Failure::input_because(format!("directory `{}`", path.display()), error);
    let (first, bad) = (to.join("initial"), to.join("next-day"));
    for folder in [&first, &bad] {
        fs::create_dir_all(folder).map_err(|error| cannot(folder, &error))?;
    }
    let mut ids: Vec<String> = Vec::new();
    let source = from.join("initial");
    for entry in fs::read_dir(&source).map_err(|error| cannot(&source, &error))? {
        let path = entry.map_err(|error| cannot(&source, &error))?.path();
        let Some(name) = path.file_name() else { continue };
        fs::copy(&path, first.join(name)).map_err(|error| cannot(&path, &error))?;
        if name.to_string_lossy().starts_with("users-") {
            let text = fs::read_to_string(&path).map_err(|error| cannot(&path, &error))?;
            let page: Value = serde_json::from_str(&text).map_err(|error| cannot(&path, &error))?;
            let users = page.get("value").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            ids.extend(users.iter().filter_map(|user| user.get("id")?.as_str().map(str::to_owned)));
        }
    }
    ids.sort_unstable();
    ids.dedup();
    let gone: Vec<Value> = ids.iter().step_by(2).map(|id| json!({"id": id, "@removed": {"reason": "changed"}})).collect();
    for (kind, value) in [("users", gone), ("groups", Vec::new())] {
        let link = format!("https://graph.microsoft.com/v1.0/{kind}/delta?$deltatoken=bad-day");
        let page = json!({"value": value, "@odata.deltaLink": link});
        let path = bad.join(format!("{kind}-0001.json"));
        fs::write(&path, page.to_string()).map_err(|error| cannot(&path, &error))?;
    }
    Ok(to)
}
