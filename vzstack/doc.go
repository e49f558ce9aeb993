// Package vzstack will be Compose stacks: parse, plan, apply.
// It holds nothing yet.
package vzstack
