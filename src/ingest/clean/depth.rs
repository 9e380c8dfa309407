//! Looks through HTML before it is cleaned: how deep it nests, and what will have to go.
//!
//! html5ever pays for each tag with a walk over the open elements, so nesting makes it quadratic.
//! The look feeds its tree builder in small pieces and stops at the first piece that nests too
//! deep: no sketch of the HTML rules of our own that a clever input could fool, and linear.
//! Keeps no tree: only who is whose parent.

use std::{
    borrow::Cow,
    cell::{Cell, Ref, RefCell},
    collections::BTreeMap,
};

use html5ever::{
    Attribute, LocalName, ParseOpts, QualName, local_name, ns,
    tendril::{StrTendril, TendrilSink},
    tree_builder::{ElementFlags, NodeOrText, QuirksMode, TreeSink},
};

use super::{CleanLimits, TooMuch, allow};

/// Bytes fed between two looks at the depth.
const PIECE_BYTES: usize = 2048;
/// Honest HTML has fewer elements than one for eight bytes; only re-opened formatting has more.
const ELEMENTS_FREE: usize = 20_000;
const BYTES_PER_ELEMENT: usize = 8;
/// Finding a node among its siblings walks past them; all these walks together.
const SIBLINGS_PASSED_MAX: usize = 40_000_000;
/// Different names that are counted.
const NAMES_MAX: usize = 100;

/// What will have to go, with counts; or a refusal.
pub(super) fn look_through(
    html: &str,
    limits: &CleanLimits,
) -> Result<BTreeMap<String, usize>, TooMuch> {
    let elements_max = ELEMENTS_FREE + html.len() / BYTES_PER_ELEMENT;
    let context = QualName::new(None, ns!(html), local_name!("div"));
    let sink = Look::default();
    let mut parser = html5ever::parse_fragment(sink, ParseOpts::default(), context, vec![], false);
    let mut rest = html;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES));
        rest = after;
        parser.process(StrTendril::from(piece));
        let look = &parser.tokenizer.sink.sink;
        // The context and the root element are not the author's.
        if look.deepest.get() > limits.depth_max + 2 {
            return Err(TooMuch::Depth { max: limits.depth_max });
        }
        let is_slow = look.passed.get() > SIBLINGS_PASSED_MAX;
        if is_slow || look.nodes.borrow().len() > elements_max {
            return Err(TooMuch::Elements { max: elements_max });
        }
    }
    Ok(parser.finish())
}

/// An index of a node; the document is 0.
type Node = u32;

/// Children point at a slot, and the slot at its owner, so that all children of a node can be given
/// to another one (adoption agency, HTML §13.2.6.4.7) without a list of them.
#[derive(Debug)]
struct Entry {
    name: QualName,
    parent: Option<u32>,
    slot: u32,
}

#[derive(Debug)]
struct Look {
    nodes: RefCell<Vec<Entry>>,
    /// The owner of each slot, and how many children it was given.
    slots: RefCell<Vec<(Node, usize)>>,
    passed: Cell<usize>,
    deepest: Cell<usize>,
    goes: RefCell<BTreeMap<String, usize>>,
}

impl Default for Look {
    fn default() -> Look {
        let name = QualName::new(None, ns!(), LocalName::from(""));
        Look {
            nodes: RefCell::new(vec![Entry { name, parent: None, slot: 0 }]),
            slots: RefCell::new(vec![(0, 0)]),
            passed: Cell::new(0),
            deepest: Cell::new(0),
            goes: RefCell::default(),
        }
    }
}

impl Look {
    fn add(&self, name: QualName) -> Node {
        let mut nodes = self.nodes.borrow_mut();
        let node = nodes.len() as Node;
        let slot = self.new_slot(node);
        nodes.push(Entry { name, parent: None, slot });
        node
    }

    fn new_slot(&self, owner: Node) -> u32 {
        let mut slots = self.slots.borrow_mut();
        slots.push((owner, 0));
        (slots.len() - 1) as u32
    }

    fn adopt(&self, parent: Option<u32>, child: NodeOrText<Node>) {
        if let Some(slot) = parent {
            self.slots.borrow_mut()[slot as usize].1 += 1;
        }
        if let NodeOrText::AppendNode(node) = child {
            self.nodes.borrow_mut()[node as usize].parent = parent;
            self.measure(node);
        }
    }

    /// Counts the walk along the siblings of a node.
    fn pass_siblings(&self, node: Node) {
        let slot = self.nodes.borrow()[node as usize].parent;
        let siblings = slot.map_or(0, |slot| self.slots.borrow()[slot as usize].1);
        self.passed.set(self.passed.get().saturating_add(siblings));
    }

    /// Walks up from a node; pieces are small, so a walk is never much longer than the limit.
    fn measure(&self, node: Node) {
        let (nodes, slots) = (self.nodes.borrow(), self.slots.borrow());
        let (mut depth, mut at) = (0, node);
        while let Some(slot) = nodes[at as usize].parent {
            at = slots[slot as usize].0;
            depth += 1;
            if depth > nodes.len() {
                break;
            }
        }
        self.deepest.set(self.deepest.get().max(depth));
    }

    fn goes(&self, what: String) {
        let mut goes = self.goes.borrow_mut();
        if goes.len() < NAMES_MAX || goes.contains_key(&what) {
            *goes.entry(what).or_default() += 1;
        }
    }

    fn note(&self, name: &QualName, attributes: &[Attribute]) {
        let tag: &str = &name.local;
        if !allow::is_allowed(tag) && !matches!(tag, "html" | "body" | "head") {
            self.goes(tag.chars().take(40).collect());
        }
        for attribute in attributes {
            let (key, value): (&str, &str) = (&attribute.name.local, &attribute.value);
            if key.starts_with("on") {
                self.goes(format!("event attribute {}", key.chars().take(40).collect::<String>()));
            } else if key == "style" {
                self.goes("style attribute".into());
            } else if matches!(key, "href" | "src") {
                self.note_address(value);
            }
        }
    }

    fn note_address(&self, value: &str) {
        let scheme = value.trim_start().split(':').next().unwrap_or_default().to_ascii_lowercase();
        if matches!(scheme.as_str(), "javascript" | "vbscript" | "data") {
            self.goes(format!("{scheme}: address"));
        }
    }
}

impl TreeSink for Look {
    type Handle = Node;
    type Output = BTreeMap<String, usize>;
    type ElemName<'a> = Ref<'a, QualName>;

    fn finish(self) -> Self::Output {
        self.goes.into_inner()
    }

    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> Node {
        0
    }

    fn elem_name<'a>(&'a self, target: &'a Node) -> Ref<'a, QualName> {
        Ref::map(self.nodes.borrow(), |nodes| &nodes[*target as usize].name)
    }

    fn create_element(&self, name: QualName, attrs: Vec<Attribute>, _: ElementFlags) -> Node {
        self.note(&name, &attrs);
        self.add(name)
    }

    fn create_comment(&self, _: StrTendril) -> Node {
        self.goes("comment".into());
        self.add(QualName::new(None, ns!(), LocalName::from("")))
    }

    fn create_pi(&self, _: StrTendril, _: StrTendril) -> Node {
        self.add(QualName::new(None, ns!(), LocalName::from("")))
    }

    fn append(&self, parent: &Node, child: NodeOrText<Node>) {
        let slot = self.nodes.borrow()[*parent as usize].slot;
        self.adopt(Some(slot), child);
    }

    fn append_based_on_parent_node(
        &self,
        element: &Node,
        previous: &Node,
        child: NodeOrText<Node>,
    ) {
        let has_parent = self.nodes.borrow()[*element as usize].parent.is_some();
        if has_parent {
            self.append_before_sibling(element, child);
        } else {
            self.append(previous, child);
        }
    }

    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}

    fn get_template_contents(&self, target: &Node) -> Node {
        *target
    }

    fn same_node(&self, x: &Node, y: &Node) -> bool {
        x == y
    }

    fn set_quirks_mode(&self, _: QuirksMode) {}

    fn append_before_sibling(&self, sibling: &Node, new: NodeOrText<Node>) {
        self.pass_siblings(*sibling);
        let parent = self.nodes.borrow()[*sibling as usize].parent;
        self.adopt(parent, new);
    }

    fn add_attrs_if_missing(&self, _: &Node, _: Vec<Attribute>) {}

    fn remove_from_parent(&self, target: &Node) {
        self.pass_siblings(*target);
        self.nodes.borrow_mut()[*target as usize].parent = None;
    }

    fn reparent_children(&self, node: &Node, new_parent: &Node) {
        let fresh = self.new_slot(*node);
        let mut nodes = self.nodes.borrow_mut();
        let moved = std::mem::replace(&mut nodes[*node as usize].slot, fresh);
        self.slots.borrow_mut()[moved as usize].0 = *new_parent;
        // The new parent was just made and has no children of its own.
        nodes[*new_parent as usize].slot = moved;
    }
}
