// Package dev has the verbs about development environments: vz init writes a
// vz.json, vz dev runs what it describes.
package dev
