// Command helper is what tests run inside of a guest that has no other programs.
package main

func main() {}
