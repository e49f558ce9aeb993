// Package image has the verbs about images and registries.
package image
