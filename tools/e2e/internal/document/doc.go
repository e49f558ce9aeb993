// Package document reads the commands of a page in Markdown, so that a test can
// run them, and compares what they print with what the page says.
//
// A block with the language "console" holds commands, each after "# " or "$ ",
// followed by what it prints; a line "..." stands for any lines. A comment before
// a block says what else it is:
//
//	<!-- not run: why -->     commands that the test cannot run
//	<!-- file: name -->       a file that the commands find beside them
package document
