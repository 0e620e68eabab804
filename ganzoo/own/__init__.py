"""Classes and objects of a program in place of names: losses, torch modules, optimizers and data of a notebook."""
