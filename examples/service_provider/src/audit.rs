//! Records of writes as lines of JSON.

use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use scimkit_server::{AuditRecord, AuditSink};

/// Adds a line to a file for every record.
#[derive(Debug)]
pub(crate) struct JsonLines {
    file: Mutex<File>,
}

impl JsonLines {
    /// Opens a file to add lines to, and makes it if there is none.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: Mutex::new(File::options().create(true).append(true).open(path)?) })
    }
}

#[async_trait]
impl AuditSink for JsonLines {
    async fn record(&self, record: &AuditRecord) -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut line = serde_json::to_vec(&record.to_json())?;
        line.push(b'\n');
        // A line is written at once, so that those of several processes do not mix.
        self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line)?;
        Ok(())
    }
}
