"""The programs that train and evaluate the network that comes with the package. Nothing at run time imports this
folder."""
