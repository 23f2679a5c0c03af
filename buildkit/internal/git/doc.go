// Package git asks git about the working tree that a module is in. It changes nothing there. [Read] returns what the documents about
// an image say; [Repository] answers single questions, for templates in a Config.
package git
