// Package config has the types in which a user describes images. The same file is in package
// targets, for magefiles, so it imports only small packages of the standard library: each import
// makes every start of mage slower.
package config
