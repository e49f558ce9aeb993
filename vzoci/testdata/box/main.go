// Command box stands for vz-box in a test.
package main

func main() {}
