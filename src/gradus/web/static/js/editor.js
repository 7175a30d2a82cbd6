// The network editor: CodeMirror in a shadow root, so that its style sheets need no exception from the policy.
import { Decoration, EditorState, EditorView, HighlightStyle, StateEffect, StateField, StreamLanguage, basicSetup, indentUnit, keymap, lintGutter, setDiagnostics, syntaxHighlighting, tags } from "../vendor/editor.js";

/** Protobuf's text format, as Caffe's networks are written. */
const prototxt = {
  name: "prototxt",
  startState: () => ({}),
  token(stream) {
    if (stream.eatSpace()) return null;
    if (stream.match(/^#.*/)) return "comment";
    if (stream.match(/^"(?:[^"\\]|\\.)*"?/) || stream.match(/^'(?:[^'\\]|\\.)*'?/)) return "string";
    if (stream.match(/^[-+]?(?:0x[0-9a-f]+|\d*\.?\d+(?:e[-+]?\d+)?)f?\b/i)) return "number";
    if (stream.match(/^(?:true|false)\b/)) return "bool";
    if (stream.match(/^[A-Za-z_]\w*(?=\s*:)/)) return "propertyName";
    if (stream.match(/^[A-Za-z_]\w*(?=\s*\{)/)) return "keyword";
    if (stream.match(/^[A-Za-z_]\w*/)) return "atom";
    stream.next();
    return null;
  },
  languageData: { commentTokens: { line: "#" }, closeBrackets: { brackets: ["{", '"'] } },
  indent: (state, text, context) => {
    const before = context.lineAt(context.pos, -1);
    const inner = context.simulatedBreak === null && before ? before.text : "";
    const base = /^\s*/.exec(inner)?.[0].length ?? 0;
    return base + (/\{\s*$/.test(inner) ? context.unit : 0) - (/^\s*\}/.test(text) ? context.unit : 0);
  },
};

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--layer-conv)", fontWeight: "600" },
  { tag: tags.propertyName, color: "var(--text)" },
  { tag: tags.string, color: "var(--layer-pool)" },
  { tag: tags.number, color: "var(--layer-activation)" },
  { tag: [tags.bool, tags.atom], color: "var(--layer-dense)" },
  { tag: tags.comment, color: "var(--text-faint)", fontStyle: "italic" },
]);

const look = EditorView.theme({
  "&": { height: "100%", fontSize: "12.5px", backgroundColor: "var(--surface)", color: "var(--text)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
  ".cm-gutters": { backgroundColor: "var(--sunken)", color: "var(--text-faint)", border: "0" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--accent) 8%, transparent)" },
  ".cm-content": { caretColor: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "color-mix(in srgb, var(--accent) 26%, transparent)" },
  ".cm-shown-line": { backgroundColor: "color-mix(in srgb, var(--accent) 18%, transparent)" },
  ".cm-matchingBracket": { backgroundColor: "color-mix(in srgb, var(--done) 25%, transparent) !important" },
  ".cm-tooltip, .cm-panels": { backgroundColor: "var(--raised)", color: "var(--text)", border: "1px solid var(--line-strong)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--hover)", color: "var(--text-soft)", border: "0" },
});

const showLine = StateEffect.define();
const shownLine = StateField.define({
  create: () => Decoration.none,
  update(marks, transaction) {
    for (const effect of transaction.effects) {
      if (effect.is(showLine)) {
        if (!effect.value) return Decoration.none;
        const line = transaction.state.doc.line(Math.min(effect.value, transaction.state.doc.lines));
        return Decoration.set([Decoration.line({ class: "cm-shown-line" }).range(line.from)]);
      }
    }
    return marks.map(transaction.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** Put an editor over a textarea, which goes on holding the text that the form sends. */
export function openEditor(place, textarea, { changed, check, moved }) {
  const root = place.attachShadow({ mode: "open" });
  let leaving = false;
  const state = EditorState.create({
    doc: textarea.value,
    extensions: [
      keymap.of([
        { key: "Mod-Enter", run: () => { check(); return true; } },
        { key: "Escape", run: () => { leaving = true; return false; } },
        { key: "Tab", run: (view) => { if (leaving) return false; view.dispatch(view.state.replaceSelection("  ")); return true; } },
      ]),
      basicSetup, StreamLanguage.define(prototxt), syntaxHighlighting(colours), look, lintGutter(), shownLine, indentUnit.of("  "),
      EditorView.contentAttributes.of({ "aria-label": "Custom network", spellcheck: "false" }),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) {
          textarea.value = update.state.doc.toString();
          leaving = false;
          changed();
        }
        if (update.selectionSet && !update.docChanged) moved(update.state.doc.lineAt(update.state.selection.main.head).number);
      }),
    ],
  });
  const view = new EditorView({ state, parent: root, root });
  return {
    set(text) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text }, selection: { anchor: 0 } });
    },
    focus: () => view.focus(),
    line(number) {
      if (!number) return;
      const line = view.state.doc.line(Math.min(number, view.state.doc.lines));
      view.dispatch({ effects: [showLine.of(number), EditorView.scrollIntoView(line.from, { y: "center" })] });
    },
    problems(list) {
      const marks = list.filter((problem) => problem.line).map((problem) => {
        const line = view.state.doc.line(Math.min(problem.line, view.state.doc.lines));
        return { from: line.from, to: line.to, severity: "error", message: problem.message };
      });
      view.dispatch(setDiagnostics(view.state, marks));
      if (marks.length) view.dispatch({ effects: EditorView.scrollIntoView(marks[0].from, { y: "center" }) });
    },
  };
}
