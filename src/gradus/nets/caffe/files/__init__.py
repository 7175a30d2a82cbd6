"""Files of weights, solver states and all that Caffe keeps in binary."""
