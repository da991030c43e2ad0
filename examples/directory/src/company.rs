//! The people and groups of an invented company on the first day.

use std::collections::BTreeMap;

use crate::Options;
use crate::countries::{COUNTRIES, Country, DEPARTMENTS, GROUPS};
use crate::random::Random;

/// What is special about a person, on the first day or on the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Plain,
    NoMail,
    SharedMail,
    Disabled,
    Rehired,
    Guest,
    NotAssigned,
    OnlyInMailGroup,
    OnlyInNestedGroup,
    NoManager,
    ForeignManager,
    RehiredManager,
    Repeated,
    Leaver,
    SoftDeleted,
    HardDeleted,
    Renamed,
    DepartmentMoved,
    LeavesScope,
    TitleCleared,
    ManagerChanged,
    GroupMoved,
}

/// How often each special role occurs in a company, and in one of less than a hundred people.
const ROLES: &[(Role, usize, usize)] = &[
    (Role::NoMail, 4, 1),
    (Role::SharedMail, 4, 2),
    (Role::Disabled, 5, 1),
    (Role::Rehired, 1, 1),
    (Role::Guest, 5, 1),
    (Role::NotAssigned, 4, 1),
    (Role::OnlyInMailGroup, 2, 1),
    (Role::OnlyInNestedGroup, 2, 1),
    (Role::NoManager, 3, 0),
    (Role::ForeignManager, 3, 1),
    (Role::RehiredManager, 1, 0),
    (Role::Repeated, 2, 0),
    (Role::Leaver, 5, 1),
    (Role::SoftDeleted, 1, 1),
    (Role::HardDeleted, 1, 1),
    (Role::Renamed, 4, 1),
    (Role::DepartmentMoved, 3, 1),
    (Role::LeavesScope, 1, 1),
    (Role::TitleCleared, 1, 1),
    (Role::ManagerChanged, 1, 1),
    (Role::GroupMoved, 1, 1),
];

/// The group that nearly everyone is in.
pub(crate) const ALL_STAFF: usize = 0;
/// The group that is assigned but not security-enabled.
pub(crate) const MAIL_GROUP: usize = 1;
/// The group that is not assigned itself but a member of one that is.
pub(crate) const NESTED: usize = 2;

#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) role: Role,
    pub(crate) country: &'static Country,
    pub(crate) given_name: (&'static str, &'static str),
    pub(crate) surname: (&'static str, &'static str),
    pub(crate) user_principal_name: String,
    pub(crate) mail_nickname: String,
    pub(crate) mail: Option<String>,
    pub(crate) job_title: String,
    pub(crate) department: &'static str,
    pub(crate) employee_id: Option<String>,
    pub(crate) mobile_phone: Option<String>,
    pub(crate) street_address: String,
    pub(crate) city: &'static str,
    pub(crate) state: Option<&'static str>,
    pub(crate) postal_code: String,
    pub(crate) is_enabled: bool,
    pub(crate) manager: Option<String>,
    pub(crate) is_assigned: bool,
}

impl Person {
    pub(crate) fn display_name(&self) -> String {
        match self.country.code {
            "JP" => format!("{} {}", self.surname.0, self.given_name.0),
            _ => format!("{} {}", self.given_name.0, self.surname.0),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) display_name: String,
    pub(crate) mail_nickname: String,
    pub(crate) is_security_enabled: bool,
    pub(crate) is_assigned: bool,
    pub(crate) members: Vec<Member>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Member {
    User(String),
    Group(String),
}

#[derive(Debug)]
pub(crate) struct Company {
    pub(crate) people: Vec<Person>,
    pub(crate) groups: Vec<Group>,
    pub(crate) service_principal_id: String,
    pub(crate) app_roles: Vec<AppRole>,
    names: Names,
}

#[derive(Debug)]
pub(crate) struct AppRole {
    pub(crate) id: String,
    pub(crate) value: &'static str,
    pub(crate) display_name: &'static str,
}

/// How often a name has been given, so that addresses are unique.
#[derive(Debug, Default)]
struct Names {
    used: BTreeMap<String, usize>,
}

impl Names {
    fn unique(&mut self, kind: &str, name: String) -> String {
        let count = self.used.entry(format!("{kind} {name}")).or_default();
        *count += 1;
        if *count == 1 { name } else { format!("{name}{count}") }
    }
}

impl Company {
    pub(crate) fn new(options: &Options, random: &mut Random) -> Self {
        let people = options.people.max(20);
        let mut company = Self {
            people: Vec::with_capacity(people),
            groups: groups(options.groups.max(3), random),
            service_principal_id: random.guid(),
            app_roles: vec![
                AppRole { id: random.guid(), value: "user", display_name: "User" },
                AppRole { id: random.guid(), value: "admin", display_name: "Administrator" },
            ],
            names: Names::default(),
        };
        for role in roles(people, random) {
            let person = company.person(role, random);
            company.people.push(person);
        }
        company.share_mail();
        company.choose_managers(random);
        company.fill_groups(random);
        company
    }

    /// A person who is not in any list yet.
    pub(crate) fn person(&mut self, role: Role, random: &mut Random) -> Person {
        let lots: Vec<&'static Country> = COUNTRIES.iter().flat_map(|country| std::iter::repeat_n(country, country.weight)).collect();
        let country = random.pick(&lots).copied().unwrap_or(&NOWHERE);
        let given_name = random.pick(country.given_names).copied().unwrap_or_default();
        let surname = random.pick(country.surnames).copied().unwrap_or_default();
        let (city, state, postal_code) = random.pick(country.cities).copied().unwrap_or_default();
        let (department, titles) = random.pick(DEPARTMENTS).copied().unwrap_or_default();
        let street = random.pick(country.streets).copied().unwrap_or_default();
        let (mail, mail_nickname) = self.addresses(given_name.1, surname.1);
        let is_guest = role == Role::Guest;
        Person {
            id: random.guid(),
            role,
            country,
            given_name,
            surname,
            user_principal_name: if is_guest {
                format!("{mail_nickname}_example.org#EXT#@example.com")
            } else {
                format!("{mail_nickname}@example.com")
            },
            mail: match role {
                Role::NoMail => None,
                Role::Guest => Some(format!("{mail_nickname}@example.org")),
                _ => Some(mail),
            },
            mail_nickname,
            job_title: random.pick(titles).copied().unwrap_or_default().to_owned(),
            department,
            employee_id: (!is_guest).then(|| random.digits("E1#####")),
            mobile_phone: random.chance(85).then(|| random.digits(country.mobile)),
            street_address: random.digits(street),
            city,
            state,
            postal_code: random.digits(postal_code),
            is_enabled: !matches!(role, Role::Disabled | Role::Rehired),
            manager: None,
            is_assigned: false,
        }
    }

    /// A mail address and a nickname that nobody has yet.
    pub(crate) fn addresses(&mut self, given_name: &str, surname: &str) -> (String, String) {
        let mail = self.names.unique("mail", format!("{given_name}.{surname}"));
        let letters = |text: &str| text.chars().filter(char::is_ascii_alphabetic).collect::<String>();
        let initial: String = letters(given_name).chars().take(1).collect();
        let nickname = self.names.unique("nickname", format!("{initial}{}", letters(surname)));
        (format!("{mail}@example.com"), nickname)
    }

    /// The groups through which people are assigned.
    pub(crate) fn assigned_groups(&self) -> Vec<usize> {
        let groups = self.groups.iter().enumerate();
        groups.filter(|(_, group)| group.is_assigned && group.is_security_enabled).map(|(index, _)| index).collect()
    }

    pub(crate) fn join(&mut self, group: usize, member: Member) {
        if let Some(group) = self.groups.get_mut(group)
            && !group.members.contains(&member)
        {
            group.members.push(member);
        }
    }

    /// Gives the second of each pair the first one's address in capitals.
    fn share_mail(&mut self) {
        let mut first = None;
        for person in self.people.iter_mut().filter(|person| person.role == Role::SharedMail) {
            match first.take() {
                None => first.clone_from(&person.mail),
                Some(mail) => person.mail = Some(mail.to_ascii_uppercase()),
            }
        }
    }

    fn choose_managers(&mut self, random: &mut Random) {
        let chief = self.people.first().map(|person| person.id.clone());
        let mut heads = BTreeMap::new();
        if self.people.len() >= 100 {
            for person in self.people.iter().skip(1).filter(|person| person.role == Role::Plain) {
                heads.entry(person.department).or_insert_with(|| person.id.clone());
            }
        }
        let foreign: Vec<String> =
            self.people.iter().filter(|person| person.role == Role::NotAssigned).map(|person| person.id.clone()).collect();
        let rehired = self.people.iter().find(|person| person.role == Role::Rehired).map(|person| person.id.clone());
        for person in self.people.iter_mut().skip(1) {
            let head = heads.get(person.department).filter(|head| **head != person.id).cloned();
            person.manager = match person.role {
                Role::Guest | Role::NoManager => None,
                Role::ForeignManager => random.pick(&foreign).cloned(),
                Role::RehiredManager => rehired.clone(),
                _ => head.or_else(|| chief.clone()),
            };
        }
    }

    fn fill_groups(&mut self, random: &mut Random) {
        let assigned = self.assigned_groups();
        let others: Vec<usize> = (3..self.groups.len()).filter(|index| !assigned.contains(index)).collect();
        for index in 0..self.people.len() {
            let Some(person) = self.people.get_mut(index) else { continue };
            let (role, id) = (person.role, person.id.clone());
            let (joined, is_assigned): (Vec<usize>, bool) = match role {
                Role::NotAssigned => (Vec::new(), false),
                Role::OnlyInMailGroup => (vec![MAIL_GROUP], false),
                Role::OnlyInNestedGroup => (vec![NESTED], false),
                Role::LeavesScope | Role::SoftDeleted | Role::HardDeleted | Role::Guest => (vec![ALL_STAFF], false),
                Role::GroupMoved => match assigned.get(1) {
                    Some(group) => (vec![*group], false),
                    None => (vec![NESTED], true),
                },
                _ if random.chance(8) => (Vec::new(), true),
                _ => {
                    let first = if random.chance(55) { ALL_STAFF } else { random.pick(&assigned).copied().unwrap_or(ALL_STAFF) };
                    let second = if random.chance(30) { random.pick(&assigned).copied() } else { None };
                    let social = random.chance(10).then_some(MAIL_GROUP);
                    (std::iter::once(first).chain(second).chain(social).collect(), random.chance(3))
                }
            };
            let is_certain = matches!(role, Role::OnlyInMailGroup | Role::OnlyInNestedGroup | Role::LeavesScope);
            let extra = if !is_certain && random.chance(15) { random.pick(&others).copied() } else { None };
            person.is_assigned = is_assigned;
            for group in joined.into_iter().chain(extra) {
                self.join(group, Member::User(id.clone()));
            }
        }
        for nested in [NESTED, 3] {
            if let Some(id) = self.groups.get(nested).map(|group| group.id.clone()) {
                self.join(ALL_STAFF, Member::Group(id));
            }
        }
    }
}

/// The roles of all people in random order; the first is the chief's.
fn roles(people: usize, random: &mut Random) -> Vec<Role> {
    let counts = ROLES.iter().flat_map(|(role, count, small)| std::iter::repeat_n(*role, if people < 100 { *small } else { *count }));
    let mut roles: Vec<Role> = counts.collect();
    roles.resize(people - 1, Role::Plain);
    random.shuffle(&mut roles);
    roles.insert(0, Role::Plain);
    roles
}

fn groups(count: usize, random: &mut Random) -> Vec<Group> {
    let group = |index: usize| {
        let name = GROUPS.get(index % GROUPS.len()).copied().unwrap_or_default();
        let round = index / GROUPS.len();
        Group {
            id: random.guid(),
            display_name: if round == 0 { name.to_owned() } else { format!("{name} {}", round + 1) },
            mail_nickname: format!("group{}", index + 1),
            is_security_enabled: index != MAIL_GROUP,
            is_assigned: index <= MAIL_GROUP || index % 3 != 2,
            members: Vec::new(),
        }
    };
    (0..count).map(group).collect()
}

/// A country for when there is none, which the list of countries rules out.
const NOWHERE: Country =
    Country { code: "", language: "", weight: 0, given_names: &[], surnames: &[], cities: &[], streets: &[], mobile: "" };
