//! What the service of a simulation must hold.

use std::collections::BTreeMap;

use scimkit_store::StoredResource;
use scimkit_testing::clients::Attributes;
use scimkit_testing::directory::{Held, Model, Person, Verdict};
use scimkit_types::{Value, schema};

use super::run::Simulation;
use crate::job::ServiceKind;

/// What was planted in the service, by id.
pub(crate) type Planted = BTreeMap<String, StoredResource>;

impl Simulation<'_> {
    /// Holds what the service has against the model.
    pub(super) fn verdict(&self, held: &Held) -> Verdict {
        let directory = self.directory.look();
        let text = |stored: &StoredResource, name: &str| stored.document.get(name).and_then(Value::as_str).map(str::to_owned);
        let (others, matched): (Vec<StoredResource>, Vec<StoredResource>) =
            self.planted.values().cloned().partition(|stored| text(stored, "title").as_deref() == Some("Other"));
        let planted = self.planted.iter().filter_map(|(id, stored)| Some((id.clone(), text(stored, "nickName")?)));
        let nicknames = planted.chain(self.nicknames.clone()).map(|(id, name)| (id, Attributes::new().with("nickName", name)));
        let model = Model::new(&directory, |person| self.mapped(person)).with_planted(&matched, &others).with_kept(nicknames);
        let model = if self.scenario.service == ServiceKind::Standard { model } else { model.with_users_only() };
        model.check(held)
    }

    /// What the mappings make of a person.
    fn mapped(&self, person: &Person) -> Attributes {
        let title = if self.has_other_mapping { format!("{} (Oslo)", person.title) } else { person.title.clone() };
        let attributes = Attributes::new()
            .with("userName", person.name.as_str())
            .with("emails[type eq \"work\"].value", person.name.as_str())
            .with("title", title)
            .with("name.givenName", "Given")
            .with("name.familyName", person.surname.as_str());
        match self.scenario.service {
            ServiceKind::Standard => {
                attributes.with("displayName", person.surname.as_str()).with(format!("{}:employeeNumber", schema::ENTERPRISE_USER), "7")
            }
            ServiceKind::RingCentral => attributes,
        }
    }
}
