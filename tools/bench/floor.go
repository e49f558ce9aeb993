package main

import _ "embed" // for the C program

// floorSource is the least program that still makes a container.
//
//go:embed testdata/floor.c
var floorSource string
