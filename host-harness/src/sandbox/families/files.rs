//! Uploaded files and links to them. It owns what a file object says about its upload; how uploads
//! are read from the wire is `multipart.rs`'s affair.

use super::super::errors::StripeError;
use super::super::shapes::Object;
use super::super::store::{set, text};
use super::super::world::{Call, World};
use super::Family;
use serde_json::{Value, json};

pub(crate) struct Files;

impl Family for Files {
    fn kinds(&self) -> &'static [&'static str] {
        &["file", "file_link"]
    }

    fn created(
        &self,
        world: &mut World<'_>,
        call: &Call<'_>,
        object: &mut Object,
    ) -> Result<(), StripeError> {
        if text(object, "object") == "file_link" {
            let file = text(&call.params, "file");
            world.named_by("file", "file", file)?;
            let url = format!("https://files.stripe.com/links/{}", world.ids.text(40));
            set(object, "url", url);
            set(object, "expired", false);
            return Ok(());
        }
        let Some(upload) = &call.upload else {
            return Err(StripeError::malformed(
                "A file is uploaded as multipart/form-data with a part named file.",
            )
            .code("parameter_missing")
            .param("file"));
        };
        let filename = upload
            .filename
            .clone()
            .unwrap_or_else(|| String::from("file"));
        let kind = filename
            .rsplit_once('.')
            .map_or("", |(_, extension)| extension)
            .to_lowercase();
        let id = text(object, "id").to_owned();
        set(object, "filename", filename.as_str());
        set(object, "purpose", text(&call.params, "purpose"));
        set(object, "size", upload.content.len());
        set(object, "title", Value::Null);
        set(
            object,
            "type",
            if kind.is_empty() {
                Value::Null
            } else {
                json!(kind)
            },
        );
        set(
            object,
            "url",
            format!("https://files.stripe.com/v1/files/{id}/contents"),
        );
        let links = json!({"object": "list", "data": [], "has_more": false,
            "url": format!("/v1/file_links?file={id}")});
        set(object, "links", links);
        Ok(())
    }
}
