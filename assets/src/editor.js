// The part of CodeMirror that the network editor uses, as one file.
export { basicSetup } from "codemirror";
export { EditorState, StateEffect, StateField, Compartment, Prec } from "@codemirror/state";
export { EditorView, Decoration, keymap, lineNumbers } from "@codemirror/view";
export { StreamLanguage, HighlightStyle, syntaxHighlighting, indentUnit } from "@codemirror/language";
export { setDiagnostics, lintGutter } from "@codemirror/lint";
export { tags } from "@lezer/highlight";
