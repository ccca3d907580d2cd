"""What the Data dock shows before a dataset is open: which layouts it opens, and the sample."""

from qtpy.QtWidgets import QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

_TEXT = (
    "<h3>Open a dataset</h3>"
    "<p>A folder in one of these layouts; drop it here, or choose it above.</p>"
    "<ul style='-qt-list-indent: 0; margin-left: 12px'>"
    "<li>one with a <b>medkd-dataset.json</b></li>"
    "<li>Medical Segmentation Decathlon or nnU-Net (<b>dataset.json</b>)</li>"
    "<li>folders of images and masks with the same file names</li></ul>"
    "<p>Or begin with the sample: generated phantoms in three looks, with organs and lesions.</p>"
)


class WelcomePage(QWidget):
    """A text, and a button that opens the sample."""

    def __init__(self) -> None:
        super().__init__()
        text = QLabel(_TEXT)
        text.setWordWrap(True)
        self.sample = QPushButton("Open the sample")
        self.sample.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 18, 6, 6)
        layout.addWidget(text)
        layout.addWidget(self.sample)
        layout.addStretch(1)
